"""The line of `attnbench status` where little is recorded; test_stale.py has it for projects that ran."""

import os
import sys
from pathlib import Path

import params
import pytest

from attnbench.cli import main
from attnbench.run import status as module
from attnbench.run.claim import claimed_study
from attnbench.run.graph import Stage
from attnbench.study import StudyPaths

MADE = ("code", "data", "cost@baseline", "cost@se", "ready", "latency")
OF_RUN = ("train", "ablate", "robustness", "maps")
NOT_MADE = [f"{stage}@{variant}-{seed}" for stage in OF_RUN for variant in ("baseline", "se") for seed in "01"]
NOT_MADE += ["views@baseline", "views@se", "analyse", "report"]


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a repository in which everything before the training ran."""
    (tmp_path / ".dvc").mkdir()
    for name in ("dvc.yaml", "dvc.lock"):
        (tmp_path / name).touch()
    params.write(tmp_path)
    stages = [Stage(name, changed=name in NOT_MADE, stale=False) for name in (*MADE, *NOT_MADE)]
    monkeypatch.setattr(module.Project, "__init__", lambda *_, **__: None)
    monkeypatch.setattr(module.Project, "__exit__", lambda *_: None)
    monkeypatch.setattr(module.Project, "stages", lambda _: stages)
    monkeypatch.setattr(module, "_other_code", lambda *_: set())
    return tmp_path


def test_a_study_that_is_only_prepared_is_current(prepared: Path) -> None:
    assert module.status(None, prepared).text() == "small: current; 0 of 4 runs; not trained: seeds 0, 1"


def test_a_share_without_the_first_seed_is_current_without_views_and_report(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variant in ("baseline", "se"):
        record = StudyPaths("small", prepared).record(variant, 1)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()
    changed = {name for name in NOT_MADE if name.endswith("-0")} | {"views@baseline", "views@se", "report"}
    stages = [Stage(name, changed=name in changed, stale=False) for name in (*MADE, *NOT_MADE)]
    monkeypatch.setattr(module.Project, "stages", lambda _: stages)
    assert module.status(None, prepared).text() == "small: current; 2 of 4 runs; not trained: seed 0"
    view = StudyPaths("small", prepared).view("se")
    view.parent.mkdir(parents=True)
    view.touch()
    assert "lost, or older than what they are made from: report; run" in module.status(None, prepared).text()


def test_a_study_that_cannot_be_read_hides_no_other(
    prepared: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a_draft", "other"):
        (prepared / "studies" / name).mkdir(parents=True)
        (prepared / "studies" / name / "params.yaml").write_text(f"name: {name}\nepochs: [\n")
    monkeypatch.setattr(sys, "argv", ["attnbench", "status"])
    monkeypatch.chdir(prepared)
    with pytest.raises(SystemExit, match="1"):
        main()
    lines = [line for line in capsys.readouterr().out.splitlines() if not line.startswith(" ")]
    assert [line.partition(":")[0] for line in lines] == ["small", "a_draft", "other"]
    assert "studies/a_draft/params.yaml:" in lines[1]


def test_seeds_that_lack_the_same_variants_are_one_item(prepared: Path) -> None:
    for seed in (0, 1):
        record = StudyPaths("small", prepared).record("baseline", seed)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.touch()
    text = module.status(None, prepared).text()
    assert text.startswith(
        "small: NOT CURRENT; 2 of 4 runs; seeds 0, 1 lack se; lost, or older than what they are made "
    )
    assert text.endswith("; run `attnbench run small --allow-missing`")


def test_a_study_that_is_being_run_says_so_and_how_many_runs_have_a_record(
    prepared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise module.BusyError("another DVC command has to end first (process 7: attnbench run)")

    record = StudyPaths("small", prepared).record("se", 0)
    record.parent.mkdir(parents=True)
    record.touch()
    monkeypatch.setattr(module.Project, "stages", refuse)
    status = module.status(None, prepared)
    assert status.text() == (
        "small: in use, 1 of 4 runs have a record; another DVC command has to end first (process 7: attnbench run)"
    )
    assert not status.is_current


def test_a_study_that_another_process_runs_is_in_use_between_its_writes_too(prepared: Path) -> None:
    with claimed_study(StudyPaths("small", prepared)):
        status = module.status(None, prepared)
    assert status.text() == f"small: in use, 0 of 4 runs have a record; process {os.getpid()} runs it"
    assert not status.is_current
    assert "in use" not in module.status(None, prepared).text()
