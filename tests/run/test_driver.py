"""What the driver does with cells that end badly, with an engine and a project that take no time."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from threading import Timer
from typing import Any

import params
import pytest

from attnbench.run.driver import Driver
from attnbench.run.dvc_errors import BusyError, InUseError
from attnbench.run.engine import Cell, DiskFullError, Ended
from attnbench.run.graph import Stage
from attnbench.run.jobs import Received
from attnbench.run.memory import Estimate
from attnbench.run.schedule import Schedule
from attnbench.run.view import Progress
from attnbench.study.repository import locate

KILLED, OUT_OF_MEMORY = Ended(-9, 1.0), Ended(-9, 1.0, out_of_memory=True)
RUNS = ["train@baseline-0", "train@se-0", "train@baseline-1", "train@se-1"]
STAGES = [
    *(Stage(run, changed=True, stale=True, command=("python", "stages/train.py")) for run in RUNS),
    Stage("analyse", changed=False, stale=True, needs=frozenset(RUNS)),
]


class Engine:
    """Two places; cells end as `ends` says, by default well."""

    shares_memory = True

    def __init__(self, logs: Path, ends: dict[str, list[Ended]]) -> None:
        self.logs = logs
        self.ends = ends
        self.running: dict[str, Future[Ended]] = {}
        self.started: list[str] = []
        self.together: list[set[str]] = []  # those that run, after each start

    @property
    def free(self) -> int:
        self.running = {name: future for name, future in self.running.items() if not future.done()}
        return 2 - len(self.running)

    def submit(self, cell: Cell) -> Future[Ended]:
        future = Future[Ended]()
        ends = self.ends.get(cell.name)
        Timer(0.02, future.set_result, [ends.pop(0) if ends else Ended(0, 1.0)]).start()
        self.running[cell.name] = future
        self.started.append(cell.name)
        self.together.append(set(self.running))
        return future

    def log(self, name: str) -> Path:
        return self.logs / name


class Project:
    """A stage is stale until it has been prepared, as one of which an output was wrong; `errors` are those of DVC."""

    def __init__(self, errors: Sequence[Exception], in_use: dict[str, int]) -> None:
        self.errors = list(errors)
        self.in_use = in_use  # how often another command uses the files of a stage
        self.prepared = {"ready"}
        self.recorded: list[str] = []

    def changed(self, name: str) -> bool:
        return name not in self.prepared

    def absent_writers(self, name: str) -> set[str]:
        return set()

    def prepare(self, name: str) -> bool:
        if self.in_use.get(name):
            self.in_use[name] -= 1
            raise InUseError(f"process 7 runs {name}")
        self.prepared.add(name)
        return True

    def record(self, names: Sequence[str]) -> dict[str, str]:
        if self.errors:
            raise self.errors.pop(0)
        self.recorded += names
        return {}

    def release(self, names: Sequence[str]) -> None:
        pass


class Said:
    """Keeps the lines and what is shown of the progress."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.shown: list[Progress] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def show(self, progress: Callable[[], Progress]) -> None:
        self.shown.append(progress())


class Run:
    """A driver that has worked."""

    def __init__(
        self,
        root: Path,
        ends: dict[str, list[Ended]] | None = None,
        errors: Sequence[Exception] = (),
        stages: Sequence[Stage] = STAGES,
        in_use: dict[str, int] | None = None,
    ) -> None:
        params.write(root)
        (root / ".dvc").mkdir()
        (root / "dvc.yaml").touch()
        located = locate(None, root)
        self.engine, self.project, self.said = Engine(root, ends or {}), Project(errors, in_use or {}), Said()
        self.schedule = Schedule(located.study, stages)
        stand_ins: Any = (self.project, self.schedule, self.engine, self.said)
        self.driver = Driver(located, *stand_ins, Received(), None)
        self.driver.work()


def test_what_was_killed_starts_once_more(tmp_path: Path) -> None:
    run = Run(tmp_path, {"train@se-0": [KILLED]})
    assert run.schedule.failed == []
    assert sorted(run.project.recorded) == ["analyse", *sorted(RUNS)]
    assert run.engine.started.count("train@se-0") == 2
    assert "KILLED train@se-0  killed (SIGKILL); it is started once more" in run.said.lines


def test_what_is_killed_again_has_failed_and_stops_no_other(tmp_path: Path) -> None:
    run = Run(tmp_path, {"train@se-0": [KILLED, KILLED]})
    assert run.schedule.failed == ["train@se-0"]
    assert sorted(run.project.recorded) == sorted(set(RUNS) - {"train@se-0"})


def test_what_failed_by_itself_is_not_repeated(tmp_path: Path) -> None:
    run = Run(tmp_path, {"train@se-0": [Ended(1, 1.0)]})
    assert run.schedule.failed == ["train@se-0"]
    assert run.engine.started.count("train@se-0") == 1


def test_what_had_too_little_memory_runs_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, {"train@baseline-0": [OUT_OF_MEMORY]})
    assert run.schedule.failed == []
    *_, again = [names for names in run.engine.together if "train@baseline-0" in names]
    assert again == {"train@baseline-0"}
    assert any(len(names) == 2 for names in run.engine.together)


def test_another_dvc_command_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.run.driver.PAUSE", 0.0)
    run = Run(tmp_path, errors=[BusyError("process 7 has it"), BusyError("process 7 has it")])
    assert sorted(run.project.recorded) == ["analyse", *sorted(RUNS)]
    assert run.said.lines.count("waiting: process 7 has it") == 1


def test_what_another_dvc_command_runs_holds_up_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.run.driver.PAUSE", 0.1)
    run = Run(tmp_path, in_use=dict.fromkeys(RUNS[:2], 3))
    assert sorted(run.project.recorded[:2]) == RUNS[2:]  # recorded while the first ones still wait
    assert sorted(run.project.recorded[2:]) == ["analyse", *RUNS[:2]]
    waiting = [line for line in run.said.lines if line.startswith("waiting")]
    assert waiting == [f"waiting: process 7 runs {name}" for name in RUNS[:2]]  # each once


def test_nothing_starts_or_has_failed_when_the_engine_is_lost(tmp_path: Path) -> None:
    run = Run(tmp_path, {"train@baseline-0": [Ended(-2, 1.0, lost="the connection is lost")]})
    assert str(run.driver.lost) == "the connection is lost"
    assert run.schedule.failed == []
    assert len(run.engine.started) < len(RUNS)
    assert not [line for line in run.said.lines if "FAILED" in line]


def test_only_a_disk_of_this_machine_stops_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Engine, "shares_memory", False)  # a cluster
    (tmp_path / "train@se-0").write_text("[Errno 28] No space left on device: '/scratch'\n")  # what the worker said
    run = Run(tmp_path, {"train@se-0": [Ended(1, 1.0)]})
    assert run.driver.full is None
    assert run.schedule.failed == ["train@se-0"]
    assert len(run.engine.started) == len(RUNS)


def test_nothing_starts_on_a_full_disk(tmp_path: Path) -> None:
    run = Run(tmp_path, errors=[DiskFullError("No space left on device: '.dvc/cache'")])
    assert run.driver.full == "No space left on device: '.dvc/cache'"
    assert "analyse" not in run.engine.started


def test_outputs_of_a_cluster_that_have_no_room_here_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "shares_memory", False)
    run = Run(tmp_path, {"train@baseline-0": [Ended(1, 1.0, full="no space left for runs")]})
    assert run.driver.full == "no space left for runs"
    assert len(run.engine.started) < len(RUNS)


def test_what_runs_alone_goes_before_the_trainings_also_if_a_stage_was_up_to_date(tmp_path: Path) -> None:
    ready = Stage("ready", changed=False, stale=True)
    training = [replace(stage, needs=frozenset(["ready"])) for stage in STAGES if stage.kind == "train"]
    latency = Stage("latency", changed=True, stale=True, alone=True, command=("python", "stages/latency.py"))
    run = Run(tmp_path, stages=[latency, ready, *training])
    assert run.engine.started == ["latency", *RUNS]
    assert [names for names in run.engine.together if "latency" in names] == [{"latency"}]


def test_the_time_left_counts_the_runs_that_fit_into_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.run.memory.estimate", lambda *_: Estimate(run=2, free=3))  # one run at once
    run = Run(tmp_path)
    assert max(map(len, run.engine.together)) == 1
    left = [progress.seconds_left or 0 for progress in run.said.shown if progress.done == 1]
    assert 3 * 1.0 / 2 < max(left) <= 3 * 1.0  # of three runs of a second each, one of which has just started
