"""Running cells on an engine, with a line when one starts or ends, and no orphans."""

import signal
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import NoReturn

from attnbench.run.devices import Environment
from attnbench.run.engine import Cell, DiskFullError, Ended, Engine, LocalEngine
from attnbench.run.full_disk import full_folder, full_text

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
TICK = 0.1  # seconds between looks at signals and logs
WARNING = "warning: "  # how a line begins that is shown although its cell succeeded
TAIL = 15  # lines of the log shown when a cell fails

Say = Callable[[str], None]


def say(line: str) -> None:
    """Write one line, with the time of day, and flush it."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


@dataclass
class Received:
    """The signals received so far. Nothing is raised, so no cell is started and lost."""

    numbers: list[int] = field(default_factory=list)

    def exit(self) -> NoReturn:
        """Exit as shells report for a process that was ended by the signal."""
        raise SystemExit(128 + self.numbers[0])


@contextmanager
def signals(engine: Engine) -> Iterator[Received]:
    """Record the signals that end a run, for as long as the context lasts; Ctrl-Z suspends the cells too.

    Those that this process was started to ignore stay ignored, as under `nohup`.
    """
    received = Received()

    def record(number: int, frame: FrameType | None) -> None:
        received.numbers.append(number)

    def suspend(number: int, frame: FrameType | None) -> None:
        engine.suspend()
        signal.raise_signal(signal.SIGSTOP)  # until SIGCONT
        engine.resume()

    actions = {**dict.fromkeys(SIGNALS, record), signal.SIGTSTP: suspend}
    before = {number: handler for number in actions if (handler := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, actions[number])
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run_cells(cells: Sequence[Cell], environments: Sequence[Environment], folder: Path, logs: Path) -> list[str]:
    """Run all cells in `folder`; return the names of those that failed.

    As many run at once as there are `environments`, each in one of them: what it gets besides that of this process.
    Ctrl-C, SIGTERM, SIGHUP and SIGQUIT stop every cell with all its children, and then this process.

    Raises:
        DiskFullError: a cell failed because a disk is full; cells that had started have ended, no other has started.
    """
    waiting, running, failed = deque(cells), dict[Future[Ended], Cell](), list[str]()
    full: str | None = None
    with LocalEngine(environments, folder, logs) as engine, signals(engine) as received:
        while (running or (waiting and full is None)) and not received.numbers:
            while waiting and engine.free and full is None:
                cell = waiting.popleft()
                say(f"start  {cell.name}")
                running[engine.submit(cell)] = cell
            for future in wait(running, TICK, FIRST_COMPLETED).done:
                cell = running.pop(future)
                done = len(cells) - len(waiting) - len(running)
                log = engine.log(cell.name)
                if future.result().status == 0:
                    succeeded(cell.name, future.result(), f"{done} of {len(cells)}", log, say)
                else:
                    failed_lines(cell.name, future.result(), f"{done} of {len(cells)}", log, say)
                    failed.append(cell.name)
                    full = full or full_disk(log)
        if received.numbers:
            engine.stop()
            say(f"stopped; {len(running) + len(waiting)} not finished")
            received.exit()
    if full is not None:
        raise DiskFullError(nothing_more(full))
    return failed


def nothing_more(full: str) -> str:
    """Return the message after a disk was full."""
    return f"a disk is full, so nothing more was started ({full}). Free some space and run the same command again"


def succeeded(name: str, ended: Ended, count: str, log: Path, say: Say) -> None:
    """Say that a cell succeeded, with the warnings of its log."""
    say(f"done   {name}  {duration(ended.seconds)}  ({count})")
    for line in lines_of(log):
        if line.startswith(WARNING):
            say(line)


def failed_lines(name: str, ended: Ended, count: str, log: Path, say: Say) -> None:
    """Say that a cell failed, with the last lines of its log."""
    say(f"FAILED {name}  {duration(ended.seconds)}  ({count})  {ended.reason}  {log}")
    for line in lines_of(log)[-TAIL:]:
        say(f"| {line}")


def lines_of(log: Path) -> list[str]:
    """Return the lines of a log; none if there is none."""
    try:
        return log.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return []


def full_disk(log: Path) -> str | None:
    """Return what a failed cell's log says about a full disk, or None.

    If it is the disk of the log, the log cannot say so; so this tries to write a megabyte next to it.
    """
    for line in lines_of(log)[-TAIL:]:
        if (text := full_text(line)) is not None:
            return text
    return full_folder(log.parent)


def duration(seconds: float) -> str:
    """Return `12 s`, `4.1 min` or `3.2 h`."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
