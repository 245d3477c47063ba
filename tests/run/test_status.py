"""The line of `attnbench status` where little is recorded; test_stale.py has it for projects that ran."""

from pathlib import Path

import params
import pytest

from attnbench.run import status as module
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
