"""The loop of a run: start what is ready, wait, record what has ended, several at once.

The driver alone calls DVC. A stage that fails stops no other; one that was killed is started once more.
"""

import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from itertools import takewhile

from attnbench.data import source_files
from attnbench.errors import UserError
from attnbench.run import libraries, memory
from attnbench.run.cell_times import CellTimes
from attnbench.run.dvc_errors import PAUSE, BusyError, InUseError
from attnbench.run.engine import PYTHON, Cell, DiskFullError, Ended, Engine, EngineLostError
from attnbench.run.full_disk import full_text
from attnbench.run.graph import Stage
from attnbench.run.jobs import TICK, Received, failed_lines, full_disk, lines_of, succeeded
from attnbench.run.project import Project
from attnbench.run.schedule import Schedule
from attnbench.run.view import Progress, View
from attnbench.study.paths import run_name
from attnbench.study.repository import LocatedStudy

LAST_LINES = 3  # of the log of a stage that failed, at the end
WORK_PER_RECORDING = 10  # seconds between two recordings for each second that the last one took


class Driver:
    """Works off a schedule; `jobs` is the number that the user asked for."""

    def __init__(
        self,
        located: LocatedStudy,
        project: Project,
        schedule: Schedule,
        engine: Engine,
        view: View,
        received: Received,
        jobs: int | None,
    ) -> None:
        self.full: str | None = None  # which disk, if one is full
        self.lost: EngineLostError | None = None
        self.failures: dict[str, str] = {}  # stage -> why it failed
        self._study = located.study
        self._root = located.root
        self._paths = located.paths
        self._project = project
        self._schedule = schedule
        self._engine = engine
        self._view = view
        self._received = received
        self._jobs = jobs
        self._running: dict[Future[Ended], Stage] = {}
        self._unrecorded: list[str] = []
        self._forced: set[str] = set()  # stages that run although they may be up to date
        self._killed: set[str] = set()
        self._alone = {stage.name for stage in schedule.waiting if stage.alone}
        self._times = CellTimes(self._study, self._paths)
        self._runs_at_once: int | None = None  # that train; known once one is ready, since its cost is counted by then
        self._done = 0
        self._asks_at: dict[Callable[[], None], float] = {}  # what waits for another DVC command, and until when
        self._said: set[str] = set()  # about it
        self._records_at = 0.0

    @property
    def left(self) -> int:
        """How many stages have not finished."""
        return len(self._schedule.waiting) + len(self._running)

    def work(self) -> None:
        """Run and record stages until nothing is ready, a disk is full, or a signal was received."""
        self._ask(self._start)
        while (self._running or self._unrecorded or self._asks_at) and not self._received.numbers:
            if self._running:
                ended = wait(self._running, TICK, FIRST_COMPLETED).done
            else:
                ended = set()
                time.sleep(TICK if self._asks_at else 0)
            for future in ended:
                self._end(self._running.pop(future), future.result())
            self._ask(self._start)
            if self._unrecorded and (self._engine.free or time.monotonic() > self._records_at):
                self._ask(self._record)
                self._ask(self._start)
            self._view.show(self._progress)
        if self._received.numbers:
            self._stop()

    def _stop(self) -> None:
        """End all cells, and record those that had finished."""
        self._engine.stop()
        for future, stage in list(self._running.items()):
            if future.result().status == 0:
                del self._running[future]
                self._unrecorded.append(stage.name)
        self._asks_at.clear()
        self._ask(self._record)

    def _ask(self, action: Callable[[], None]) -> None:
        """Do what needs DVC's locks; if another command has them, say so once, and leave it for later."""
        if time.monotonic() < self._asks_at.get(action, 0.0):
            return
        self._asks_at.pop(action, None)
        try:
            action()
        except BusyError as error:
            self._wait(action, error)
        except UserError as error:
            full = full_text(str(error))
            if full is None:
                raise
            self.full = self.full or full
            self._unrecorded = []  # they are evaluated again
            self._asks_at.clear()

    def _wait(self, action: Callable[[], None], error: BusyError) -> None:
        self._asks_at[action] = time.monotonic() + PAUSE
        if str(error) not in self._said:
            self._said.add(str(error))
            self._view.say(f"waiting: {error}")

    def _start(self) -> None:
        """Start as much as may run now. What turns out to be up to date makes others ready, perhaps earlier ones."""
        while self._has_room and any(
            map(self._try_to_start, takewhile(lambda _: self._has_room, self._schedule.ready))
        ):
            pass

    @property
    def _has_room(self) -> bool:
        return self.full is None and self.lost is None and self._engine.free > 0

    def _try_to_start(self, stage: Stage) -> bool:
        """Start a stage if it may run now; return whether others may be ready because of it."""
        alone = bool(self._alone.intersection([stage.name, *(other.name for other in self._running.values())]))
        is_full = stage.kind == "train" and self._trainings >= self._most_trainings()
        if is_full or (alone and (self._running or self._unrecorded)):
            return False
        name = stage.name
        try:
            if name not in self._forced and not self._project.changed(name):
                self._schedule.close(name)
                return True
            if absent := self._project.absent_writers(name):
                self._forced |= absent
                self._schedule.reopen(absent)
                return True
            if name == "data":
                source_files.check(self._study.data, self._root)  # before DVC removes the record of the last ones
            if not self._project.prepare(name):
                self._schedule.start(name)
                self._unrecorded.append(name)
                return False
            self._view.say(f"start  {name}")
            self._times.start(name)
            self._running[self._engine.submit(_cell(stage, self._study.machine.device_type))] = stage
            self._schedule.start(name)
        except InUseError as error:
            self._wait(self._start, error)  # for this stage; others may start
        except (BusyError, DiskFullError):
            raise
        except EngineLostError as error:
            self.lost = error
        except UserError as error:
            self._refuse(name, str(error))
        return False

    def _end(self, stage: Stage, ended: Ended) -> None:
        name, log = stage.name, self._engine.log(stage.name)
        if ended.lost is not None:
            self.lost = self.lost or EngineLostError(ended.lost)
            self._schedule.put_back(name)
            return
        if ended.was_killed and name not in self._killed:
            self._killed.add(name)
            self._forced.add(name)
            if ended.out_of_memory:
                self._alone.add(name)
            self._view.say(f"KILLED {name}  {ended.reason}; it is started once more")
            self._schedule.put_back(name)
            return
        self._done += 1
        count = f"{self._done} of {self._done + self.left}"
        if ended.status == 0:
            self._times.end(stage, ended.seconds)
            succeeded(name, ended, count, log, self._view.say)
            self._unrecorded.append(name)
            return
        failed_lines(name, ended, count, log, self._view.say)
        last = " / ".join(lines_of(log)[-LAST_LINES:]) or f"{ended.reason}, and the log is empty"
        self._fail(name, f"{log.relative_to(self._root)}: {last}")
        is_here = self._engine.shares_memory or not stage.on_worker  # the disk of a worker stops nothing here
        self.full = self.full or ended.full or (full_disk(log) if is_here else None)

    def _refuse(self, name: str, reason: str) -> None:
        self._view.say(f"FAILED {name}  {reason}")
        self._fail(name, reason)

    def _fail(self, name: str, reason: str) -> None:
        self.failures[name] = reason
        self._schedule.fail(name)
        with suppress(BusyError):  # then its files are free when this process ends
            self._project.release([name])

    def _record(self) -> None:
        began = time.monotonic()
        problems = self._project.record(self._unrecorded)
        for name in self._unrecorded:
            if name in problems:
                self._refuse(name, problems[name])
            else:
                self._schedule.close(name)
        self._unrecorded = []
        now = time.monotonic()
        self._records_at = now + WORK_PER_RECORDING * (now - began)

    @property
    def _workers(self) -> int:
        """How many cells may run at once."""
        return self._engine.free + len(self._running)

    @property
    def _trainings(self) -> int:
        """How many cells train now."""
        return sum(stage.kind == "train" for stage in self._running.values())

    def _progress(self) -> Progress:
        running, waiting = list(self._running.values()), self._schedule.waiting
        trainings = self._runs_at_once or self._workers
        return self._times.progress(running, waiting, self._done, self._workers, trainings, self._engine.log)

    def _most_trainings(self) -> int:
        """Return how many runs may train at once: those that fit into memory, unless the user asked for more."""
        if self._runs_at_once is None:
            runs = [stage.key for stage in self._schedule.waiting if stage.kind == "train"]
            self._runs_at_once = len(runs)
            if self._engine.shares_memory:
                variants = {run_name(variant, seed): variant for variant, seed in self._study.runs()}
                estimate = memory.estimate(self._study, self._paths, {variants[run] for run in runs})
                together = min(self._workers, len(runs))
                self._runs_at_once = memory.runs_at_once(estimate, together, self._jobs, self._view.say)
        return self._runs_at_once


def _cell(stage: Stage, device_type: str) -> Cell:
    """Return the cell of a stage.

    Stages of a matrix are many, and import torch: they are forks. One that runs alone measures times, so it is a plain
    process.
    """
    is_forked = bool(stage.key) and stage.command[0] == PYTHON
    return Cell(
        stage.name,
        stage.command,
        libraries.of_stage(stage.kind, device_type) if is_forked else (),
        stage.on_worker,
        reads=stage.reads,
        writes=stage.writes,
    )
