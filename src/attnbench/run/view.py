"""What a run shows: plain lines, and on a terminal a bar and a line for each running cell below them."""

import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from attnbench.run.jobs import duration, say

LAST = 4096  # bytes of a log that are read for its last epoch
LONGEST_BAR = 40  # columns
INTERVAL = 0.5  # seconds between two views
# the line of an epoch, as `train.console` writes it
EPOCH = re.compile(rb"^epoch (\d+)/(\d+) .*validation loss .*, top-1 ([\d.]+) % +([\d.]+) s$", re.MULTILINE)


@dataclass(frozen=True)
class LoggedEpoch:
    """The last epoch that the log of a cell has."""

    number: int
    epochs: int
    accuracy: float  # percent of the validation images
    seconds: float


@dataclass(frozen=True)
class CellProgress:
    """A running cell."""

    name: str
    seconds: float
    epoch: LoggedEpoch | None
    images: int | None  # in an epoch, if known

    @property
    def text(self) -> str:
        """`train@se-0  epoch 3/4  61.25 %  812 images/s`; a cell without epochs has its duration alone."""
        if self.epoch is None:
            return f"{self.name}  {duration(self.seconds)}"
        speed = f"  {self.images / self.epoch.seconds:.0f} images/s" if self.images and self.epoch.seconds else ""
        return f"{self.name}  epoch {self.epoch.number}/{self.epoch.epochs}  {self.epoch.accuracy:.2f} %{speed}"


@dataclass(frozen=True)
class Progress:
    """How far a run is."""

    done: int
    total: int
    seconds_left: float | None
    cells: Sequence[CellProgress]


class View(Protocol):
    """Shows a run, for as long as its context lasts."""

    def __enter__(self) -> "View": ...

    def __exit__(self, *error: object) -> None: ...

    def say(self, line: str) -> None:
        """Write one line that stays."""

    def show(self, progress: Callable[[], Progress]) -> None:
        """Show how far the run is, if it is time to; only then is `progress` called, which reads logs."""


class PlainView:
    """Plain lines, for a file or a pipe."""

    def __enter__(self) -> "PlainView":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def say(self, line: str) -> None:
        say(line)

    def show(self, progress: Callable[[], Progress]) -> None:
        pass


class TerminalView:
    """Plain lines, and below them what runs now."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._shown = -INTERVAL

    def __enter__(self) -> "TerminalView":
        self._live.__enter__()
        self._console.show_cursor(True)  # also for the shell to which Ctrl-Z leads
        return self

    def __exit__(self, *error: object) -> None:
        self._live.__exit__(None, None, None)

    def say(self, line: str) -> None:
        self._console.print(Text(f"{time.strftime('%H:%M:%S')}  {line}"), soft_wrap=True)

    def show(self, progress: Callable[[], Progress]) -> None:
        if time.monotonic() - self._shown > INTERVAL:
            self._live.update(render(progress(), self._console.width), refresh=True)
            self._shown = time.monotonic()


def view() -> View:
    """Return what suits the standard output."""
    console = Console(file=sys.stdout, highlight=False)
    return TerminalView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView()


def render(progress: Progress, width: int) -> Group:
    """Return the bar and a line per running cell, each of at most `width` columns."""
    left = "" if progress.seconds_left is None else f", about {duration(progress.seconds_left)} left"
    count = Text(f"{progress.done} of {progress.total}{left}", no_wrap=True, overflow="ellipsis")
    table = Table.grid(padding=(0, 1))
    room = width - len(count) - 1
    if room >= 10:
        table.add_row(ProgressBar(progress.total, progress.done, width=min(room, LONGEST_BAR)), count)
    else:
        table.add_row(count)
    return Group(table, *(Text(cell.text, no_wrap=True, overflow="ellipsis") for cell in progress.cells))


def last_epoch(log: Path) -> LoggedEpoch | None:
    """Return the last epoch of which a log has the line, or None."""
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, stream.seek(0, 2) - LAST))
            epochs = EPOCH.findall(stream.read())
    except OSError:
        return None
    if not epochs:
        return None
    number, total, accuracy, seconds = epochs[-1]
    return LoggedEpoch(int(number), int(total), float(accuracy), float(seconds))
