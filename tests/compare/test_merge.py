"""`attnbench merge` brings whole seeds, all or nothing, and names what is in the way."""

import json
import shutil
import tracemalloc
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import params
import pytest
from dvc.repo import Repo
from git_repository import commit_all, git
from made_records import ENVIRONMENT, make_run
from made_study import data_summary
from zc.lockfile import LockFile

from attnbench import records
from attnbench.compare import merge as merging
from attnbench.compare.merge import merge
from attnbench.compare.run_sets import read_files
from attnbench.errors import UserError
from attnbench.records import files, params_sha256
from attnbench.records.lock import HEAD, md5_of, read_entries
from attnbench.study import StudyPaths, run_name

PIPELINE = """\
stages:
  train:
    matrix: {run: [baseline-0, se-0, baseline-1, se-1]}
    cmd: 'true'
    deps: ["results/small/code/train/se.json"]
    outs: ["runs/small/${item.run}/checkpoint.safetensors"]
  maps:
    matrix: {run: [baseline-0, se-0, baseline-1, se-1]}
    cmd: 'true'
    outs: ["results/small/maps/${item.run}.json": {cache: false}]
"""
STUDY = params.study()
DATA = data_summary(STUDY)


pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of a package that DVC uses


def clone(root: Path, seeds: list[int], **changes: str) -> Path:
    """Write a repository with runs of all variants from these seeds; `changes` are fields of each record of se."""
    root.mkdir()
    Repo.init(str(root), no_scm=True).close()
    (root / "dvc.yaml").write_text(PIPELINE)
    params.write(root)
    paths = StudyPaths("small", root)
    records.write(paths.data_summary, DATA)
    text = HEAD
    for variant in STUDY.variants:
        code = paths.code("train", variant)
        files.write_json(code, {"sha256": "c" * 64, "values": {}})
        for seed in seeds:
            made_from = {"data": DATA.sha256, "code": "c" * 64, "params": params_sha256(STUDY, variant)}
            made_from |= changes if variant == "se" else {}
            run = make_run(variant, seed, 0.7, study="small", **made_from)
            record = paths.record(variant, seed)
            records.write(record, run)
            scores = paths.root / f"results/small/maps/{run_name(variant, seed)}.json"
            files.write_json(scores, {"seed": seed})
            for stage, output in (("train", record), ("maps", scores)):
                dependency = {"path": code.relative_to(root).as_posix(), "md5": md5_of(code)}
                written = {"path": output.relative_to(root).as_posix(), "md5": md5_of(output)}
                text += f"  {stage}@{run_name(variant, seed)}:\n    cmd: 'true'\n    deps: {json.dumps([dependency])}\n"
                text += f"    outs: {json.dumps([written])}\n"
    (root / "dvc.lock").write_text(text)
    return root


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and path.name != "run.lock" and ".dvc" not in path.parts
    }


def test_seeds_of_another_clone_come_with_their_entries(tmp_path: Path) -> None:
    here, there, both = (clone(tmp_path / name, seeds) for name, seeds in (("a", [0]), ("b", [1]), ("both", [0, 1])))
    assert merge(str(there), None, here).seeds == [1]
    assert read_entries(here / "dvc.lock") == read_entries(both / "dvc.lock")
    assert tree(here) | {"dvc.lock": b""} == tree(both) | {"dvc.lock": b""}
    assert merge(str(there), None, here) == merging.Merged([], {})
    assert merge(str(there), None, here, [0, 1]) == merging.Merged([], {0: ["baseline", "se"]})  # was named


def add_weights(there: Path, size: int = 0) -> None:
    """Give the runs of seed 1 weights of at least `size` bytes, and name them in dvc.lock."""
    text = (there / "dvc.lock").read_text()
    for run in ("baseline-1", "se-1"):
        weights = StudyPaths("small", there).checkpoint(*run.split("-"))
        weights.parent.mkdir(parents=True)
        weights.write_text(f"the weights of {run}".ljust(size))
        out = {"path": weights.relative_to(there).as_posix(), "md5": md5_of(weights)}
        begin, end = text.split(f"runs/{run}.json", 1)
        text = f"{begin}runs/{run}.json{end.replace('}]', '}, ' + json.dumps(out) + ']', 1)}"
    (there / "dvc.lock").write_text(text)


def test_weights_come_into_the_cache_of_dvc_which_would_train_again_without_them(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    add_weights(there)
    assert merge(str(there), None, here).seeds == [1]
    cached = {path.read_text() for path in (here / ".dvc/cache/files/md5").rglob("*") if path.is_file()}
    assert cached == {"the weights of baseline-1", "the weights of se-1"}


def test_weights_are_not_held_in_memory(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    add_weights(there, size := 2**25)
    tracemalloc.start()
    try:
        merge(str(there), None, here)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < size


def test_a_file_that_changes_while_it_is_copied_stops_the_merge(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    last = there / "results/small/maps/se-1.json"
    good, before = last.read_bytes(), tree(here)
    copyfile = shutil.copyfile
    cases: tuple[tuple[Callable[[], object], str], ...] = (
        (lambda: last.write_text("{}"), "changed while it was copied; wait until nothing writes it"),
        (last.unlink, r"cannot be copied \(No such file or directory\); wait until nothing writes it"),
    )
    for change, words in cases:

        def copy(source: Path, target: Path, change: Callable[[], object] = change) -> None:
            if source == last:
                change()
            copyfile(source, target)

        monkeypatch.setattr(shutil, "copyfile", copy)
        with pytest.raises(UserError, match=rf"maps/se-1\.json {words}"):
            merge(str(there), None, here)
        assert tree(here) == before
        last.write_bytes(good)


def test_seeds_of_a_revision_come_with_their_entries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, both = clone(tmp_path / "a", [0, 1]), clone(tmp_path / "both", [0, 1])
    git(here, "init", "-q")
    commit_all(here, "Seeds 0 and 1")
    for path, content in tree(clone(tmp_path / "less", [0])).items():
        (here / path).write_bytes(content)
    for path in [path for path in tree(here) if "-1" in path and ".git" not in path]:
        (here / path).unlink()
    read: list[tuple[str, ...]] = []
    monkeypatch.setattr(merging, "read_files", lambda *side: read.append(side[2:]) or read_files(*side))
    assert merge("HEAD", None, here).seeds == [1]
    written = {path: content for path, content in tree(here).items() if not path.startswith(".git")}
    assert written | {"dvc.lock": b""} == tree(both) | {"dvc.lock": b""}
    assert read_entries(here / "dvc.lock") == read_entries(both / "dvc.lock")
    assert len(read) == 3  # each opens git: for the records, dvc.lock, and all other files together


def test_nothing_is_written_while_another_dvc_command_holds_the_lock(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    before = tree(here)
    with (
        closing(LockFile(str(here / ".dvc/tmp/lock"))),
        pytest.raises(UserError, match="another DVC command has to end"),
    ):
        merge(str(there), None, here)
    assert tree(here) == before


def test_a_merge_that_was_killed_is_repeated(tmp_path: Path) -> None:
    here, there, both = (clone(tmp_path / name, seeds) for name, seeds in (("a", [0]), ("b", [1]), ("both", [0, 1])))
    record = StudyPaths("small").record("se", 1)
    (here / record).write_bytes((there / record).read_bytes())  # before its other files and dvc.lock
    assert merge(str(there), None, here).seeds == [1]
    assert tree(here) | {"dvc.lock": b""} == tree(both) | {"dvc.lock": b""}


def test_a_seed_that_the_study_lacks_is_refused(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    with pytest.raises(UserError, match=r"^--seeds: given 9; params\.yaml has the seeds 0, 1\. Name some of these"):
        merge(str(there), None, here, [1, 9])


def test_nothing_comes_but_what_the_stages_of_a_run_write(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    (there / "stages").mkdir()
    script = there / "stages/train.py"
    script.write_text("print('of the other side')\n")
    lock = (there / "dvc.lock").read_text()
    output = f"outs: {json.dumps([{'path': 'stages/train.py', 'md5': md5_of(script)}])}\n"
    (there / "dvc.lock").write_text(f"{lock}  other@se-1:\n    {output}")
    assert merge(str(there), None, here).seeds == [1]
    assert not (here / "stages").exists()
    assert "other@se-1" not in read_entries(here / "dvc.lock")

    here = clone(tmp_path / "c", [0])
    entry = lock.index("  maps@se-1:")
    (there / "dvc.lock").write_text(lock[:entry] + f"  maps@se-1:\n    {output}")
    before = tree(here)
    with pytest.raises(
        UserError, match=r"maps@se-1 of the other side writes stages/train\.py, which that stage does not"
    ):
        merge(str(there), None, here)
    assert tree(here) == before


def test_a_seed_that_lacks_a_variant_is_left_out(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    StudyPaths("small", there).record("se", 1).unlink()
    merged = merge(str(there), None, here)
    assert (merged.seeds, merged.lacking) == ([], {1: ["se"]})


def damage(there: Path) -> None:
    path = StudyPaths("small", there).record("se", 1)
    path.write_text(path.read_text() + "\n")


def no_lock(there: Path) -> None:
    (there / "dvc.lock").unlink()


def other_code(there: Path) -> None:
    lock = there / "dvc.lock"
    lock.write_text(lock.read_text().replace(md5_of(StudyPaths("small", there).code("train", "se")), "0" * 32))


@pytest.mark.parametrize(
    ("changes", "edit", "problem"),
    [
        ({"code": "e" * 64}, None, "se-1 was made from other code than this repository has"),
        ({"params": "e" * 64}, None, "se-1 was made from other values in params.yaml than"),
        ({"data": "e" * 64}, None, "se-1 was made from other images than"),
        ({"processor": "Another"}, None, "seed 1 has runs of two classes of machine: processor 'Another' and"),
        ({}, damage, "results/small/runs/se-1.json of the other side is not what its dvc.lock says"),
        ({}, no_lock, "se-1 is not in the dvc.lock of the other side"),
        ({}, other_code, "train@se-1 depends on another results/small/code/train/se.json than"),
    ],
)
def test_a_conflict_is_named_and_nothing_is_written(
    tmp_path: Path, changes: dict[str, str], edit: Callable[[Path], None] | None, problem: str
) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1], **changes)
    if edit is not None:
        edit(there)
    before = tree(here)
    with pytest.raises(UserError, match=r"^nothing was merged from") as error:
        merge(str(there), None, here)
    assert problem in str(error.value)
    assert tree(here) == before


def test_runs_on_both_sides_have_to_be_equal(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [0], processor="Another")
    assert ENVIRONMENT.processor != "Another"
    with pytest.raises(UserError, match="se-0 is on both sides and differs in processor; remove one of them"):
        merge(str(there), None, here)


def test_a_damaged_lock_of_the_other_side_is_named(tmp_path: Path) -> None:
    here, there = clone(tmp_path / "a", [0]), clone(tmp_path / "b", [1])
    (there / "dvc.lock").write_text("stages: [")
    with pytest.raises(UserError, match=r"the dvc\.lock of the other side cannot be read: "):
        merge(str(there), None, here)
