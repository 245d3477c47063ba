"""`attnbench verify` on a study that trains in seconds: real stages, and a dvc.lock written by the test."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import params
import pytest
from recorded_run import run_stage
from ruamel.yaml import YAML

from attnbench import records
from attnbench.cli import main
from attnbench.compare.repeat import repetition
from attnbench.compare.verify import verify
from attnbench.errors import UserError
from attnbench.records import RunRecord
from attnbench.records.lock import md5_of
from attnbench.study import StudyPaths, run_name
from attnbench.study.repository import locate

STAGES = Path(__file__).parents[2] / "stages"
PATHS = StudyPaths("small")
TRAINED = ("se", 0)
OUTPUTS = (
    PATHS.checkpoint,
    PATHS.predictions,
    PATHS.record,
    PATHS.correct,
    PATHS.timing,
    PATHS.epochs,
    PATHS.iterations,
)


class Project:
    """A study with one recorded run, se-0."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def edit_lock(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the stages in dvc.lock."""
        lock = YAML(typ="safe").load((self.root / "dvc.lock").read_text())
        edit(lock["stages"])
        YAML().dump(lock, self.root / "dvc.lock")

    def add_record(self, run: tuple[str, int], higher: float = 0.0, **made_from: str) -> None:
        """Write and lock the record of a run on another machine, derived from the record of the trained run."""
        values = json.loads((self.root / PATHS.record(*TRAINED)).read_text())
        values["variant"], values["seed"] = run
        values["accuracy"] += higher
        values["identity"].update(made_from)
        values["identity"]["environment"]["instruction_set"] = "NEON"
        records.write(self.root / PATHS.record(*run), RunRecord.model_validate(values))
        self.edit_lock(lambda stages: stages.update({f"train@{run_name(*run)}": locked(self.root, *run)}))

    def replace_stage(self, name: str, script: str) -> None:
        """Replace the script of a stage."""
        if (self.root / "stages").is_symlink():
            (self.root / "stages").unlink()
            shutil.copytree(STAGES, self.root / "stages", ignore=shutil.ignore_patterns("__pycache__"))
            code = PATHS.code("train", "se").parents[1]  # the fingerprints are not what these tests are about
            stand_in = f"import shutil\nshutil.copytree({str(self.root / code)!r}, {str(code)!r})\n"
            (self.root / "stages" / "code.py").write_text(stand_in)
        (self.root / "stages" / f"{name}.py").write_text(script)

    def replace_training(self, finished: Path) -> None:
        """Let training copy what the first training left, which takes no time; without images it still fails."""
        script = [
            "import shutil",
            f"open({PATHS.prepared.as_posix()!r})",
            *(f"shutil.copytree('{finished}/{name}', '{name}', dirs_exist_ok=True)" for name in ("runs", "results")),
        ]
        self.replace_stage("train", "\n".join(script))


def locked(root: Path, variant: str, seed: int) -> dict[str, Any]:
    """Return the dvc.lock entry of a run with those outputs that exist."""
    outputs = [path(variant, seed) for path in OUTPUTS]
    return {"outs": [hashed(root, path) for path in outputs if (root / path).exists()]}


def hashed(root: Path, path: Path) -> dict[str, Any]:
    return {"path": path.as_posix(), "hash": "md5", "md5": md5_of(root / path), "size": (root / path).stat().st_size}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    (root / ".dvc").mkdir()
    (root / "dvc.yaml").write_text("stages: {}\n")
    params.write(root, seeds=[0, 1, 2], backbone={"name": "cnn", "options": {"width": 8, "hidden": 16}})
    (root / "stages").symlink_to(STAGES)
    for stage, *arguments in (("code",), ("data",), ("train", "se", "0")):
        assert run_stage(root, stage, *arguments) == ""
    stages = {"data": {"outs": [hashed(root, PATHS.prepared)]}, "train@se-0": locked(root, *TRAINED)}
    YAML().dump({"schema": "2.0", "stages": stages}, root / "dvc.lock")
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Return a copy of the finished study; no test may leave a temporary folder, or remove raw images."""
    root = tmp_path / "project"
    shutil.copytree(finished, root, symlinks=True)
    (root / "data" / "raw").mkdir()
    (root / "data" / "raw" / "archive").write_text("images")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    monkeypatch.chdir(root)
    yield Project(root)
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (root / "data" / "raw" / "archive").read_text() == "images"


def hashes(root: Path) -> dict[Path, str]:
    """Return path -> MD5 of all files but the logs."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.is_relative_to(root / "work"))
    return {path: md5_of(path) for path in files}


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the printed lines without the time of day."""
    return [line.split("  ", maxsplit=1)[-1] for line in capsys.readouterr().out.splitlines()]


def test_a_repeated_run_is_equal_and_nothing_recorded_is_changed(project, capsys):
    before = hashes(project.root)
    assert verify("small", 1, project.root)
    lines = printed(capsys)
    assert lines[0] == "small: repeating 1 of 1 recorded runs in a temporary folder"
    assert lines[-2:] == ["se-0: EQUAL: all 6 files have the bytes in dvc.lock", "small: 1 verified: 1 EQUAL"]
    assert "start  data" not in lines
    assert hashes(project.root) == before


def test_other_bytes_on_the_same_class_of_machine_are_different_and_missing_images_are_prepared(
    project, finished, capsys
):
    project.replace_training(finished)
    (project.root / PATHS.prepared).unlink()
    project.edit_lock(lambda stages: stages["train@se-0"]["outs"][0].update(md5="0" * 32))
    assert not verify(None, 1, project.root)
    lines = printed(capsys)
    assert "start  data" in lines
    reason = "the same class of machine, but different bytes in checkpoint.safetensors; something is not"
    assert lines[-2].startswith(f"se-0: DIFFERENT: {reason}")
    assert lines[-1] == "small: 1 of 1 not verified: se-0"
    assert not (project.root / PATHS.prepared).exists()


def test_accuracies_from_another_machine_are_compared_and_foreign_runs_are_not_trained(project, finished, capsys):
    project.replace_training(finished)
    project.add_record(TRAINED, 0.30)
    project.add_record(("se", 1), 0.001)
    project.add_record(("se", 2), 0.55, code="c" * 64)  # from different code, so not part of the spread
    project.add_record(("baseline", 0), code="c" * 64, params="d" * 64)
    assert not verify(None, 2, project.root)
    lines = printed(capsys)
    assert lines[-3] == (
        "baseline-0: FOREIGN: made from different code, made from different values in params.yaml; it cannot be "
        "verified here. Check out the commit of the record (git log -1 -- results/small/runs/baseline-0.json), "
        "or run the study: attnbench run small"
    )
    assert lines[-2].startswith("se-0: OUTSIDE: another class of machine (instruction set: NEON recorded, ")
    assert "after the 2 recorded" in lines[-2]
    assert lines[-1] == "small: 2 of 2 not verified: baseline-0, se-0"
    assert "start  train@se-0" in lines
    assert "start  train@baseline-0" not in lines


def test_other_images_are_refused_and_nothing_is_trained(project, capsys):
    (project.root / PATHS.prepared).write_text("cut short")
    project.replace_stage("data", f"open({PATHS.prepared.as_posix()!r}, 'w').write('other')\n")
    message = (
        r"data/small\.safetensors prepared here has MD5 795f3202b17cb6bc3d4b771d8c6c9eaf, but \w{32} in dvc\.lock: "
        r"different images, or different code that prepares them; nothing was trained\. Supply .*: attnbench run small"
    )
    with pytest.raises(UserError, match=message):
        verify(None, 1, project.root)
    assert not [line for line in printed(capsys) if "train@" in line]


def test_the_data_stage_reads_the_raw_images_of_the_repository(project):
    folder = {"source": "folder", "path": "mine/raw", "title": "Mine", "provenance": "Made here", "split_seed": 0}
    params.write(project.root, data=folder)
    (project.root / "mine" / "raw").mkdir(parents=True)
    (project.root / "mine" / "raw" / "one").write_text("other ")
    texts = "open('mine/raw/one').read() + open('data/raw/archive').read()"
    project.replace_stage("data", f"open({PATHS.prepared.as_posix()!r}, 'w').write({texts})\n")
    with repetition(locate(None, project.root)) as scratch:
        scratch.provide_images("358cc5ed3c306bd6b4cf34ec551245c8")
        assert scratch.paths.prepared.read_text() == "other images"
    assert (project.root / "mine" / "raw" / "one").exists()


def test_a_failed_training_is_reported(project, capsys):
    project.replace_stage("train", "raise SystemExit('broken on purpose')\n")
    assert not verify(None, 1, project.root)
    lines = printed(capsys)
    assert any(line.endswith("| broken on purpose") for line in lines)
    assert lines[-2] == "se-0: FAILED: its training failed; see work/small/verify/train@se-0.txt"
    assert "broken on purpose" in (project.root / "work/small/verify/train@se-0.txt").read_text()


def test_ctrl_c_leaves_no_temporary_folder(project):
    interrupt = f"import os, signal, time\nos.kill({os.getpid()}, signal.SIGINT)\ntime.sleep(60)\n"
    project.replace_stage("train", interrupt)
    with pytest.raises(SystemExit, match="130"):
        verify(None, 1, project.root)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, r"dvc\.lock does not exist, so nothing is recorded; run the study first: attnbench run small"),
        ("stages: {}\n", r"dvc\.lock does not have data/small\.safetensors, so nothing can be repeated; run the study"),
        (
            "stages: [1, 2\n",
            r"dvc\.lock cannot be read: .*Restore the last good version with `git checkout HEAD -- dvc\.lock`",
        ),
        ("stages: 3\n", r"dvc\.lock cannot be read: stages: .*Restore the last good version"),
        ("", r"dvc\.lock cannot be read: the file: .*Restore the last good version"),
    ],
)
def test_a_missing_or_broken_lock_is_refused(project, text, message):
    (project.root / "dvc.lock").unlink()
    if text is not None:
        (project.root / "dvc.lock").write_text(text)
    with pytest.raises(UserError, match=message):
        verify("small", 1, project.root)


@pytest.mark.parametrize("missing", ["record", "entry"])
def test_a_study_without_recorded_runs_is_refused(project, missing):
    if missing == "record":
        (project.root / PATHS.record(*TRAINED)).unlink()
    else:
        project.edit_lock(lambda stages: stages.pop("train@se-0"))
    with pytest.raises(
        UserError, match=r"results/small/runs has no run that is also in dvc\.lock; run the study first"
    ):
        verify("small", 1, project.root)


def test_the_record_of_another_run_is_refused(project):
    path = PATHS.record(*TRAINED)
    record = records.read(project.root / path, RunRecord)
    records.write(project.root / path, record.model_copy(update={"seed": 1}))
    with pytest.raises(UserError, match=rf"{path} belongs to run se-1 of .*\. Restore .* `git checkout {path}`"):
        verify("small", 1, project.root)


def test_the_lock_of_a_study_is_next_to_its_params(project, monkeypatch):
    folder = project.root / "studies" / "other"
    folder.mkdir(parents=True)
    params.write(folder, name="other", root="../..", params="studies/other/params.yaml")
    monkeypatch.setattr(sys, "argv", ["attnbench", "verify", "other"])
    with pytest.raises(SystemExit, match=r"error: studies/other/dvc\.lock does not exist, so nothing is recorded; run"):
        main()
