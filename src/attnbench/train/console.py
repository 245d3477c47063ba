"""Progress of a run: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Sequence
from typing import TextIO

from tqdm import tqdm

from attnbench.records.curves import EpochRow
from attnbench.train.observers import Observer


def line(row: EpochRow, epochs: int, seconds: float) -> str:
    """Return one epoch as a line of text."""
    return (
        f"epoch {row.epoch}/{epochs}  train loss {row.train_loss:.4f}, top-1 {100 * row.train_accuracy:.2f} %  "
        f"validation loss {row.validation_loss:.4f}, top-1 {100 * row.validation_accuracy:.2f} %  {seconds:.1f} s"
    )


class Lines:
    """One plain line for each epoch."""

    def __init__(self, epochs: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.stream = stream

    def note(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def step(self, epoch: int, step: int) -> None:
        pass

    def epoch(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        print(line(row, self.epochs, seconds), file=self.stream, flush=True)

    def close(self) -> None:
        pass


class Bar:
    """A bar over all steps, and the line of each epoch above it."""

    def __init__(self, epochs: int, steps_per_epoch: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.bar = tqdm(total=epochs * steps_per_epoch, unit="step", file=stream, dynamic_ncols=True)

    def note(self, text: str) -> None:
        self.bar.write(text, file=self.bar.fp)

    def step(self, epoch: int, step: int) -> None:
        done = (epoch - 1) * self.steps_per_epoch + step  # a run may begin behind the first epoch
        self.bar.update(done - self.bar.n)

    def epoch(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        self.bar.write(line(row, self.epochs, seconds), file=self.bar.fp)

    def close(self) -> None:
        self.bar.close()


def console(epochs: int, steps_per_epoch: int) -> Observer:
    """Return a bar where standard error is a terminal, plain lines where it is not."""
    if sys.stderr.isatty():
        return Bar(epochs, steps_per_epoch, sys.stderr)
    return Lines(epochs, sys.stderr)
