"""Reading a side: the working tree, or a commit without checking it out."""

import json
import re

import pytest
from made_records import make_run

from attnbench.compare.sides import Side, parse_side, read_side
from attnbench.errors import UserError


@pytest.mark.parametrize(
    ("text", "side"),
    [
        ("cifar10", Side("cifar10")),
        ("HEAD~3:cifar10", Side("cifar10", "HEAD~3")),
        ("HEAD^{/fix: it}:cifar10", Side("cifar10", "HEAD^{/fix: it}")),
    ],
)
def test_a_side_is_a_study_or_a_revision_and_a_study(text, side):
    assert parse_side(text) == side


@pytest.mark.parametrize("text", ["", ":cifar10", "HEAD~3", "HEAD:", "HEAD:results/cifar10", "../cifar10"])
def test_another_form_is_refused(text):
    message = f"given {text!r}; a side is STUDY or REV:STUDY, such as cifar10 or HEAD~3:cifar10"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        parse_side(text)


def accuracies(found):
    return {(run.variant, run.seed): run.accuracy for run in found.runs}


def test_the_working_tree_and_a_commit_have_their_own_records(root, git):
    now, then = read_side(Side("made_up"), root), read_side(Side("made_up", "first"), root)
    assert accuracies(now) == {("se", 0): 0.72, ("se", 1): 0.71, ("eca", 0): 0.5}
    assert accuracies(then) == {("se", 0): 0.70, ("se", 1): 0.71}
    assert (now.commit, then.commit) == (None, git(root, "rev-parse", "first"))


def test_a_commit_is_read_and_not_checked_out(root, git):
    before = git(root, "status", "--porcelain")
    read_side(Side("made_up", "first"), root)
    assert git(root, "status", "--porcelain") == before != ""


def test_a_repository_inside_a_larger_one_is_read_from_its_own_folder(tmp_path, write_runs, git):
    write_runs(tmp_path, [make_run("se", 0, 0.1)])
    write_runs(tmp_path / "inner", [make_run("se", 0, 0.9)])
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "Both")
    assert accuracies(read_side(Side("made_up", "HEAD"), tmp_path / "inner")) == {("se", 0): 0.9}


def test_what_is_no_record_is_stepped_over(root, git):
    runs = root / "results" / "made_up" / "runs"
    (runs / "notes.txt").write_text("not JSON")
    (runs / "older").mkdir()
    (runs / "older" / "se-9.json").write_text("not JSON")
    (runs / "se-8.json").symlink_to("se-0.json")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "More")
    assert len(read_side(Side("made_up"), root).runs) == len(read_side(Side("made_up", "HEAD"), root).runs) == 3


def test_an_unknown_revision_is_named(root):
    message = f"git finds no revision 'v9' in {root}; `git log --oneline` lists those there are"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_side(Side("made_up", "v9"), root)


def test_a_file_at_a_revision_is_no_revision(root):
    with pytest.raises(UserError, match=r"^git finds no revision 'HEAD:dvc\.yaml' in "):
        read_side(Side("made_up", "HEAD:dvc.yaml"), root)


def test_a_folder_without_git_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setenv("LC_ALL", "C")  # git speaks the user's language
    with pytest.raises(UserError, match=r"^git finds no revision 'HEAD' in .*: fatal: not a git repository"):
        read_side(Side("made_up", "HEAD"), tmp_path)


def test_no_git_is_said_so(root, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UserError, match=r"^revision 'HEAD' is read by git, which is not installed$"):
        read_side(Side("made_up", "HEAD"), root)


@pytest.mark.parametrize(("revision", "where"), [(None, "in the working tree"), ("first", "at revision first")])
def test_a_study_without_runs_is_answered_with_those_that_have_some(root, revision, where):
    message = f"no runs of study 'madeup' {where}; there are runs of 'made_up' (did you mean 'made_up'?)"
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_side(Side("madeup", revision), root)


def test_a_revision_without_any_runs_is_said_so(root, git):
    git(root, "rm", "-r", "-q", "--cached", "results")
    git(root, "commit", "-q", "-m", "No results")
    message = r"^no runs of study 'made_up' at revision HEAD; there are none of any study$"
    with pytest.raises(UserError, match=message):
        read_side(Side("made_up", "HEAD"), root)


def test_a_record_of_another_time_is_refused_by_file_revision_and_field(root, git):
    path = root / "results" / "made_up" / "runs" / "se-1.json"
    record = json.loads(path.read_text())
    del record["identity"]["environment"]["precision"]
    path.write_text(json.dumps(record))
    git(root, "commit", "-q", "-a", "-m", "Older form")
    start, end = "results/made_up/runs/se-1.json", "is not a RunRecord: identity.environment.precision: Field required"
    for revision, where, advice in [
        ("HEAD", "at revision HEAD", "compare a commit whose records have today's fields"),
        (None, "in the working tree", "make the run anew"),
    ]:
        with pytest.raises(UserError, match=f"^{re.escape(f'{start} {where} {end}; {advice}')}$"):
            read_side(Side("made_up", revision), root)


def test_a_file_that_is_no_json_is_refused(root):
    (root / "results" / "made_up" / "runs" / "se-2.json").write_bytes(b"\xff{")
    message = r"^results/made_up/runs/se-2\.json in the working tree is not a RunRecord: the file: Invalid JSON: "
    with pytest.raises(UserError, match=message):
        read_side(Side("made_up"), root)


def test_a_record_under_the_name_of_another_run_is_refused(root):
    runs = root / "results" / "made_up" / "runs"
    (runs / "se-7.json").write_bytes((runs / "se-1.json").read_bytes())
    message = (
        "results/made_up/runs/se-7.json in the working tree is the record of run se-1 of study 'made_up'; "
        "name it after its run"
    )
    with pytest.raises(UserError, match=f"^{re.escape(message)}$"):
        read_side(Side("made_up"), root)
