"""`attnbench verify` on a study of seconds: real stages, and a dvc.lock written here from what a first run left."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from attnbench import records, study
from attnbench.cli import main
from attnbench.compare import lock, recorded, verdict
from attnbench.compare.scratch import scratch
from attnbench.compare.verify import verify
from attnbench.errors import UserError
from attnbench.records import RunRecord
from attnbench.study.paths import StudyPaths, run_name

STAGES = Path(__file__).parents[2] / "stages"
PARAMS = """\
name: tiny
root: .
params: params.yaml
title: Shapes
data: {source: shapes, train_images: 150, test_images: 45, seed: 0, split_seed: 0}
backbone: {name: cnn, options: {width: 8, hidden: 16}}
baseline: baseline
variants:
  baseline: {attention: none}
  eca: {attention: eca, site: after_pool}
seeds: [0, 1, 2]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 32, learning_rate: 1e-2, weight_decay: 0.0,
  warmup: 0.3, label_smoothing: 0.0, augmentation: [crop]}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 5}
views: {images: 2}
"""
PATHS = StudyPaths("tiny")
TRAINED = ("eca", 0)
FILES = [
    path(*TRAINED).as_posix()
    for path in (PATHS.checkpoint, PATHS.predictions, PATHS.record, PATHS.epochs, PATHS.iterations)
]


class Project:
    """A study with one recorded run, eca-0."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def edit_lock(self, edit: Callable[[dict[str, Any]], None]) -> None:
        """Change the stages of dvc.lock."""
        values = YAML(typ="safe").load((self.root / "dvc.lock").read_text())
        edit(values["stages"])
        YAML().dump(values, self.root / "dvc.lock")

    def edit_record(self, edit: Callable[[dict[str, Any]], None], run: tuple[str, int] = TRAINED) -> None:
        """Write the record of a run anew, from that of the run trained here, and lock it."""
        values = json.loads((self.root / PATHS.record(*TRAINED)).read_text())
        values["variant"], values["seed"] = run
        edit(values)
        records.write(self.root / PATHS.record(*run), RunRecord.model_validate(values))
        self.edit_lock(lambda stages: stages.update({f"train@{run_name(*run)}": entry(self.root, *run)}))

    def replace_stage(self, name: str, text: str) -> None:
        """Let a stage do something else."""
        if (self.root / "stages").is_symlink():
            (self.root / "stages").unlink()
            shutil.copytree(STAGES, self.root / "stages")
        (self.root / "stages" / f"{name}.py").write_text(text)


def entry(root: Path, variant: str, seed: int) -> dict[str, Any]:
    """Return what DVC would lock of a run, in which only the record has to exist."""
    outs = [path(variant, seed) for path in (PATHS.checkpoint, PATHS.predictions, PATHS.epochs, PATHS.iterations)]
    there = [path for path in (*outs, PATHS.record(variant, seed)) if (root / path).exists()]
    return {"deps": [hashed(root, PATHS.prepared)], "outs": [hashed(root, path) for path in there]}


def hashed(root: Path, path: Path) -> dict[str, Any]:
    size = (root / path).stat().st_size
    return {"path": path.as_posix(), "hash": "md5", "md5": lock.md5_of(root / path), "size": size}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("study")
    (root / ".dvc").mkdir()
    (root / "dvc.yaml").write_text("stages: {}\n")
    (root / "params.yaml").write_text(PARAMS)
    (root / "stages").symlink_to(STAGES)
    for stage, *arguments in (("data",), ("code", "eca"), ("train", "eca", "0")):
        command = [sys.executable, str(STAGES / f"{stage}.py"), "params.yaml", *arguments]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    stages = {"data": {"outs": [hashed(root, PATHS.prepared)]}, "train@eca-0": entry(root, *TRAINED)}
    YAML().dump({"schema": "2.0", "stages": stages}, root / "dvc.lock")
    return root


@pytest.fixture
def project(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Return a copy of the finished study; whatever the test does, no scratch folder is left, and raw images are."""
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


def untouched(root: Path) -> dict[str, str]:
    logs = root / "work"
    return {
        path.as_posix(): lock.md5_of(path)
        for path in root.rglob("*")
        if path.is_file() and not path.is_relative_to(logs)
    }


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines without the time of day."""
    return [line.split("  ", maxsplit=1)[-1] for line in capsys.readouterr().out.splitlines()]


def train_as_recorded(project: Project, finished: Path) -> None:
    """Let the training give what the first one gave, which takes no time; without images it fails as ever."""
    lines = [
        "import shutil",
        f"open({PATHS.prepared.as_posix()!r})",
        "for name in ('runs', 'results'):",
        f"    shutil.copytree({str(finished)!r} + '/' + name, name, dirs_exist_ok=True)",
    ]
    project.replace_stage("train", "\n".join(lines))


def test_a_run_repeated_is_equal_and_nothing_recorded_is_touched(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    before = untouched(project.root)
    assert verify("tiny", 1, project.root)
    lines = said(capsys)
    assert lines[0] == "tiny: 1 of 1 recorded runs are repeated in a scratch folder"
    assert lines[-2:] == ["eca-0: EQUAL: all 5 files have the bytes that dvc.lock has", "tiny: 1 verified: 1 EQUAL"]
    assert "start  data" not in lines
    assert untouched(project.root) == before


def test_other_bytes_on_the_same_class_of_machine_are_told_and_missing_images_are_made(
    project: Project, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_as_recorded(project, finished)
    (project.root / PATHS.prepared).unlink()

    def flip(stages: dict[str, Any]) -> None:
        [checkpoint] = [out for out in stages["train@eca-0"]["outs"] if out["path"] == FILES[0]]
        checkpoint["md5"] = checkpoint["md5"][:-1] + ("0" if checkpoint["md5"][-1] != "0" else "1")

    project.edit_lock(flip)
    assert not verify(None, 1, project.root)
    lines = said(capsys)
    assert "start  data" in lines
    assert lines[-2].startswith(
        "eca-0: DIFFERENT: the same class of machine, and other bytes in checkpoint.safetensors; something is not"
    )
    assert lines[-1] == "tiny: 1 of 1 not verified: eca-0"
    assert not (project.root / PATHS.prepared).exists()


def test_a_record_of_another_machine_is_held_against_the_spread(
    project: Project, finished: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train_as_recorded(project, finished)
    here = json.loads((project.root / PATHS.record(*TRAINED)).read_text())

    def elsewhere(higher: float, run: tuple[str, int] = TRAINED, **made_from: str) -> None:
        def edit(record: dict[str, Any]) -> None:
            record["accuracy"] = here["accuracy"] + higher
            record["identity"]["environment"]["instruction_set"] = "NEON"
            record["identity"].update(made_from)

        project.edit_record(edit, run)

    elsewhere(0.30)
    elsewhere(0.301, ("eca", 1))
    elsewhere(-1.0, ("eca", 2), code="c" * 64)  # made by other code, so the spread is without it
    elsewhere(0.0, ("baseline", 0), code="c" * 64, params="d" * 64)
    assert not verify(None, 2, project.root)
    lines = said(capsys)
    assert lines[-3].startswith("baseline-0: FOREIGN: made by other code, made with other params; cannot be verified. ")
    assert lines[-2].startswith("eca-0: OUTSIDE: another class of machine (instruction_set: NEON recorded, ")
    assert lines[-1] == "tiny: 2 of 2 not verified: baseline-0, eca-0"
    assert "start  train@baseline-0" not in lines
    assert "start  train@eca-0" in lines


def test_what_other_code_made_is_not_trained(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.edit_record(lambda record: record["identity"].update(code="c" * 64))
    assert not verify(None, 1, project.root)
    lines = said(capsys)
    assert lines[-2] == (
        "eca-0: FOREIGN: made by other code; cannot be verified. Check out the commit of the record "
        "(git log -1 -- results/tiny/runs/eca-0.json), or run the study: attnbench run tiny"
    )
    assert not [line for line in lines if "train@" in line or "data" in line]


def test_other_images_are_told_and_nothing_is_trained(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (project.root / PATHS.prepared).write_text("cut short")
    project.replace_stage(
        "data", f"from pathlib import Path\nPath({PATHS.prepared.as_posix()!r}).write_text('other')\n"
    )
    message = (
        r"data/tiny\.safetensors made here has MD5 795f3202b17cb6bc3d4b771d8c6c9eaf, that in dvc\.lock \w{32}: other "
        r"images, or other code that prepares them; nothing was trained\. Give .*: attnbench run tiny"
    )
    with pytest.raises(UserError, match=message):
        verify(None, 1, project.root)
    assert not [line for line in said(capsys) if "train@" in line]


def test_raw_images_are_those_of_the_repository_also_where_params_name_them(project: Project) -> None:
    folder = "{source: folder, path: mine/raw, title: Mine, provenance: Made here, split_seed: 0}"
    text = "".join(f"data: {folder}\n" if line.startswith("data:") else line for line in PARAMS.splitlines(True))
    (project.root / "params.yaml").write_text(text)
    (project.root / "mine" / "raw").mkdir(parents=True)
    (project.root / "mine" / "raw" / "one").write_text("other ")
    joined = "''.join(Path(each).read_text() for each in ('mine/raw/one', 'data/raw/archive'))"
    project.replace_stage(
        "data", f"from pathlib import Path\nPath({PATHS.prepared.as_posix()!r}).write_text({joined})\n"
    )
    params = project.root / "params.yaml"
    with scratch(project.root, params, study.load(params)) as place:
        place.images("358cc5ed3c306bd6b4cf34ec551245c8")
        assert place.paths.prepared.read_text() == "other images"
    assert (project.root / "mine" / "raw" / "one").exists()


def test_a_training_that_fails_is_shown(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    project.replace_stage("train", "raise SystemExit('broken on purpose')\n")
    assert not verify(None, 1, project.root)
    lines = said(capsys)
    assert any(line.endswith("| broken on purpose") for line in lines)
    assert lines[-2] == "eca-0: FAILED: its training failed; see work/tiny/verify/train@eca-0.txt"
    assert "broken on purpose" in (project.root / "work/tiny/verify/train@eca-0.txt").read_text()


def test_ctrl_c_leaves_no_scratch_folder(project: Project) -> None:
    stop = "import os, signal, time\nos.kill(os.getppid(), signal.SIGINT)\ntime.sleep(60)\n"
    project.replace_stage("train", stop)
    with pytest.raises(SystemExit, match="130"):
        verify(None, 1, project.root)


RUN = ("se", 0)
ENVIRONMENT = {"python": "3", "torch": "2", "device": "cpu", "instruction_set": "AVX2", "processor": "A", "threads": 1}


def a_run(accuracy: float = 0.7, **environment: Any) -> recorded.Run:
    """Return a run whose record and checkpoint are locked."""
    made_from = {**ENVIRONMENT, "precision": "float32", "memory_format": "channels_last", **environment}
    values = {
        "study": "tiny",
        "variant": "se",
        "seed": 0,
        "epochs": 1,
        "accuracy": accuracy,
        "loss": 1.0,
        "per_class_accuracy": {"ring": accuracy},
        "validation_accuracy": 0.5,
        "best_validation_accuracy": 0.5,
        "best_validation_epoch": 1,
        "train_accuracy": 0.5,
        "parameters": 9,
        "checkpoint_sha256": "a" * 64,
        "predictions_sha256": "b" * 64,
        "identity": {"data": "d", "code": "c", "params": "p", "environment": made_from},
    }
    locked = lock.Entry({PATHS.prepared.as_posix(): "i"}, {"checkpoint": "1", PATHS.record(*RUN).as_posix(): "r"})
    return recorded.Run(RunRecord.model_validate(values), locked)


@pytest.mark.parametrize(
    ("now", "accuracies", "word", "text"),
    [
        # mean 70 %, std 1 %, n = 3: 70 +- 4.3027 * 1 * sqrt(4 / 3)
        (0.66, [0.69, 0.70, 0.71], "OTHER CLASS", "accuracy 66.00 % here, 70.00 % recorded; within 65.03 % to 74.97 %"),
        (0.65, [0.69, 0.70, 0.71], "OUTSIDE", "accuracy 65.00 % here, 70.00 % recorded; outside 65.03 % to 74.97 %"),
        (0.75, [0.69, 0.70, 0.71], "OUTSIDE", "accuracy 75.00 % here, 70.00 % recorded; outside 65.03 % to 74.97 %"),
        (0.10, [0.70], "UNKNOWN", "accuracy 10.00 % here, 70.00 % recorded; the spread over seeds is unknown"),
        (
            0.10,
            [0.70, 0.70],
            "UNKNOWN",
            "accuracy 10.00 % here, 70.00 % recorded; the spread over seeds is unknown",
        ),
    ],
)
def test_on_another_class_of_machine_the_accuracy_decides(
    now: float, accuracies: list[float], word: str, text: str
) -> None:
    run, new = a_run(), a_run(now, processor="B", python="4").record
    found = verdict.judge(run, new, list(run.locked.writes), accuracies, 0.95)
    assert (found.word, found.verified) == (word, word == "OTHER CLASS")
    assert f"(python: 3 recorded, 4 here, processor: A recorded, B here); {text}" in found.text


def test_a_record_that_differs_in_its_machine_alone_is_equal() -> None:
    run = a_run()
    found = verdict.judge(run, a_run(processor="B").record, [run.record_path], [0.7], 0.95)
    assert found.word == "EQUAL"
    assert found.text.endswith("but for the machine in the record (processor: A recorded, B here)")
    moved = a_run(0.6, processor="B").record
    assert verdict.judge(run, moved, [run.record_path], [0.69, 0.7], 0.95).word == "OTHER CLASS"
    assert verdict.judge(run, a_run(0.6).record, [run.record_path], [0.7], 0.95).word == "DIFFERENT"


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"code": "x"}, "made by other code;"),
        ({"params": "x"}, "made with other params;"),
        ({"images": "x"}, "made from other images than dvc.lock has now;"),
        ({"record": "x"}, "its record is not the one that dvc.lock has;"),
    ],
)
def test_what_makes_a_run_foreign(changed: dict[str, str], reason: str) -> None:
    now = {"code": "c", "params": "p", "record": "r", "images": "i"}
    assert verdict.foreign(a_run(), **now) is None
    found = verdict.foreign(a_run(), **{**now, **changed})
    assert found is not None
    assert found.text.startswith(reason)
    assert not found.verified


@pytest.mark.parametrize(
    ("count", "chosen"),
    [
        (1, ["b0"]),
        (2, ["a0", "c0"]),
        (3, ["a0", "b0", "c0"]),
        (4, ["a0", "b0", "c0", "c1"]),
        (5, ["a0", "b0", "c0", "a1", "c1"]),
        (6, ["a0", "b0", "c0", "a1", "c1", "c2"]),
        (99, ["a0", "b0", "c0", "a1", "c1", "c2"]),
    ],
)
def test_the_runs_are_spread_over_the_variants(count: int, chosen: list[str]) -> None:
    assert recorded.choose([["a0", "a1"], ["b0"], [], ["c0", "c1", "c2"]], count) == chosen


def test_nothing_recorded_gives_nothing_to_choose() -> None:
    assert recorded.choose([[], []], 3) == []


@pytest.mark.parametrize("count", [0, -1])
def test_fewer_than_one_run_is_refused(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["attnbench", "verify", "--runs", str(count)])
    with pytest.raises(SystemExit, match=f"error: --runs: given {count}; must be at least 1"):
        main()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            None,
            r"dvc\.lock does not exist, so nothing is recorded; run the study first: make repro STUDY=tiny, or attn",
        ),
        ("stages: {}\n", r"dvc\.lock does not have data/tiny\.safetensors, so nothing can be repeated; run the study"),
        ("stages: [1, 2\n", r"dvc\.lock cannot be read: .*Take back the last good one with `git checkout dvc\.lock`"),
        ("stages: 3\n", r"dvc\.lock cannot be read: stages: .*Take back the last good one"),
        ("", r"dvc\.lock cannot be read: the file: .*Take back the last good one"),
    ],
)
def test_a_lock_that_is_missing_or_broken(project: Project, text: str | None, message: str) -> None:
    (project.root / "dvc.lock").unlink()
    if text is not None:
        (project.root / "dvc.lock").write_text(text)
    with pytest.raises(UserError, match=message):
        verify("tiny", 1, project.root)


@pytest.mark.parametrize("missing", ["record", "entry"])
def test_no_recorded_run(project: Project, missing: str) -> None:
    if missing == "record":
        (project.root / PATHS.record(*TRAINED)).unlink()
    else:
        project.edit_lock(lambda stages: stages.pop("train@eca-0"))
    with pytest.raises(UserError, match=r"results/tiny/runs has no run that dvc\.lock has too; run the study first"):
        verify("tiny", 1, project.root)


def test_the_lock_of_a_study_lies_beside_its_params(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = project.root / "studies" / "other"
    folder.mkdir(parents=True)
    text = PARAMS.replace("name: tiny", "name: other").replace("root: .", "root: ../..")
    (folder / "params.yaml").write_text(text.replace("params: params.yaml", "params: studies/other/params.yaml"))
    monkeypatch.setattr(sys, "argv", ["attnbench", "verify", "other"])
    with pytest.raises(SystemExit, match=r"error: studies/other/dvc\.lock does not exist, so nothing is recorded; run"):
        main()
