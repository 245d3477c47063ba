"""Reading the runs of one side: from the working tree, or from a commit without checking it out."""

import json
import re

import pytest
from git_repository import commit_all, git
from made_records import make_run, write_runs

from attnbench.compare.run_sets import RunSource, parse_source, read_runs
from attnbench.errors import UserError


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("cifar10", RunSource("cifar10")),
        ("HEAD~3:cifar10", RunSource("cifar10", "HEAD~3")),
        ("HEAD^{/fix: it}:cifar10", RunSource("cifar10", "HEAD^{/fix: it}")),
    ],
)
def test_a_side_is_a_study_or_a_revision_and_a_study(text, source):
    assert parse_source(text) == source


@pytest.mark.parametrize("text", ["", ":cifar10", "HEAD~3", "HEAD:", "HEAD:results/cifar10", "../cifar10"])
def test_another_form_is_refused(text):
    message = f"given {text!r}; a side is STUDY or REV:STUDY, such as cifar10 or HEAD~3:cifar10"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        parse_source(text)


def accuracies(run_set):
    return {(run.variant, run.seed): run.accuracy for run in run_set.runs}


def test_the_working_tree_and_a_commit_have_their_own_records(root):
    now, then = read_runs(RunSource("made_up"), root), read_runs(RunSource("made_up", "first"), root)
    assert accuracies(now) == {("se", 0): 0.72, ("se", 1): 0.71, ("eca", 0): 0.5}
    assert accuracies(then) == {("se", 0): 0.70, ("se", 1): 0.71}
    assert (now.commit, then.commit) == (None, git(root, "rev-parse", "first"))


def test_a_commit_is_read_and_not_checked_out(root):
    before = git(root, "status", "--porcelain")
    read_runs(RunSource("made_up", "first"), root)
    assert git(root, "status", "--porcelain") == before != ""


def test_runs_that_params_yaml_no_longer_names_are_left_out_on_either_side(root):
    params = root / "studies" / "made_up" / "params.yaml"
    params.parent.mkdir(parents=True)
    params.write_text("name: made_up\nvariants: {se: }\nseeds: [0]\n")
    commit_all(root, "One seed")
    params.write_text("name: made_up\nvariants: {se: , eca: }\nseeds: [0]\n")
    then, now = read_runs(RunSource("made_up", "HEAD"), root), read_runs(RunSource("made_up"), root)
    assert (list(accuracies(then)), then.leftover) == ([("se", 0)], ["eca-0", "se-1"])
    assert (list(accuracies(now)), now.leftover) == ([("eca", 0), ("se", 0)], ["se-1"])
    params.write_text("name: made_up\nvariants: {sam: }\nseeds: [0]\n")
    with pytest.raises(UserError, match="no run of study 'made_up' in the working tree has a variant and a seed that"):
        read_runs(RunSource("made_up"), root)
    params.write_text("seeds: [")
    with pytest.raises(UserError, match=r"studies/made_up/params\.yaml in the working tree is not YAML"):
        read_runs(RunSource("made_up"), root)


def test_a_repository_inside_a_larger_one_is_read_from_its_own_folder(tmp_path):
    write_runs(tmp_path, [make_run("se", 0, 0.1)])
    write_runs(tmp_path / "inner", [make_run("se", 0, 0.9)])
    git(tmp_path, "init", "-q")
    commit_all(tmp_path, "Both")
    assert accuracies(read_runs(RunSource("made_up", "HEAD"), tmp_path / "inner")) == {("se", 0): 0.9}


def test_other_files_and_folders_are_ignored(root):
    runs = root / "results" / "made_up" / "runs"
    (runs / "notes.txt").write_text("not JSON")
    (runs / "older").mkdir()
    (runs / "older" / "se-9.json").write_text("not JSON")
    commit_all(root, "More")
    assert (
        len(read_runs(RunSource("made_up"), root).runs) == len(read_runs(RunSource("made_up", "HEAD"), root).runs) == 3
    )


def test_a_dvc_experiment_is_a_revision(root):
    git(root, "update-ref", "refs/exps/ab/cdef/nosy-newt", "first")
    assert len(read_runs(RunSource("made_up", "nosy-newt"), root).runs) == 2


def test_a_commit_with_an_invalid_pipeline_is_read(root):
    (root / "dvc.yaml").write_text("not a pipeline")
    commit_all(root, "Invalid")
    assert len(read_runs(RunSource("made_up", "HEAD"), root).runs) == 3


@pytest.mark.parametrize("revision", ["v9", "HEAD:dvc.yaml"])
def test_an_unknown_revision_is_named(root, revision):
    message = f"revision {revision!r} cannot be read in {root}: unknown Git revision "
    with pytest.raises(UserError, match=f"^{re.escape(message)}.*; `git log --oneline` lists the commits$"):
        read_runs(RunSource("made_up", revision), root)


def test_a_folder_outside_git_is_named(tmp_path):
    with pytest.raises(UserError, match=r"^revision 'HEAD' cannot be read in .*: .* is not a git repository; "):
        read_runs(RunSource("made_up", "HEAD"), tmp_path)


@pytest.mark.parametrize(("revision", "where"), [(None, "in the working tree"), ("first", "at revision first")])
def test_a_study_without_runs_is_refused_with_the_studies_that_have_some(root, revision, where):
    message = f"no runs of study 'madeup' {where}; there are runs of 'made_up' (did you mean 'made_up'?)"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_runs(RunSource("madeup", revision), root)


def test_a_revision_without_any_runs_is_refused(root):
    git(root, "rm", "-r", "-q", "--cached", "results")
    git(root, "commit", "-q", "-m", "No results")
    message = r"^no runs of study 'made_up' at revision HEAD; there are none of any study$"
    with pytest.raises(UserError, match=message):
        read_runs(RunSource("made_up", "HEAD"), root)


def test_a_record_with_other_fields_is_refused_by_file_revision_and_field(root):
    path = root / "results" / "made_up" / "runs" / "se-1.json"
    record = json.loads(path.read_text())
    del record["identity"]["environment"]["precision"]
    path.write_text(json.dumps(record))
    commit_all(root, "Older form")
    start, end = "results/made_up/runs/se-1.json", "is not a RunRecord: identity.environment.precision: Field required"
    for revision, where, advice in [
        ("HEAD", "at revision HEAD", "compare a commit with records in the current format"),
        (None, "in the working tree", "repeat the run"),
    ]:
        with pytest.raises(UserError, match=f"^{re.escape(f'{start} {where} {end}; {advice}')}$"):
            read_runs(RunSource("made_up", revision), root)


def test_a_file_that_is_not_json_is_refused(root):
    (root / "results" / "made_up" / "runs" / "se-2.json").write_bytes(b"\xff{")
    message = r"^results/made_up/runs/se-2\.json in the working tree is not a RunRecord: the file: Invalid JSON: "
    with pytest.raises(UserError, match=message):
        read_runs(RunSource("made_up"), root)


def test_a_record_under_the_name_of_another_run_is_refused(root):
    runs = root / "results" / "made_up" / "runs"
    (runs / "se-7.json").write_bytes((runs / "se-1.json").read_bytes())
    message = (
        "results/made_up/runs/se-7.json in the working tree belongs to run se-1 of study 'made_up', "
        "not to run se-7 of study 'made_up'. Name it after its run"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_runs(RunSource("made_up"), root)
