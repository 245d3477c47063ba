"""Progress of a run: a bar on a terminal, plain lines in a log."""

import sys
from collections.abc import Sequence
from typing import TextIO

from tqdm import tqdm

from attnbench.records.curves import EpochRow
from attnbench.train.observers import Observer


class Lines(Observer):
    """Prints one plain line for each epoch."""

    def __init__(self, epochs: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.stream = stream

    def on_message(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def on_epoch_end(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        print(_line(row, self.epochs, seconds), file=self.stream, flush=True)


class Bar(Observer):
    """Shows a progress bar over all steps, with the line of each epoch above it."""

    def __init__(self, epochs: int, steps_per_epoch: int, stream: TextIO) -> None:
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.bar = tqdm(total=epochs * steps_per_epoch, unit="step", file=stream, dynamic_ncols=True)

    def on_message(self, text: str) -> None:
        self.bar.write(text, file=self.bar.fp)

    def on_step_end(self, epoch: int, step: int) -> None:
        done = (epoch - 1) * self.steps_per_epoch + step  # a resumed run starts after the first epoch
        self.bar.update(done - self.bar.n)

    def on_epoch_end(self, row: EpochRow, losses: Sequence[float], seconds: float) -> None:
        self.bar.write(_line(row, self.epochs, seconds), file=self.bar.fp)

    def on_run_end(self) -> None:
        self.bar.close()


def console(epochs: int, steps_per_epoch: int) -> Observer:
    """Return a progress bar if standard error is a terminal, plain lines otherwise."""
    if sys.stderr.isatty():
        return Bar(epochs, steps_per_epoch, sys.stderr)
    return Lines(epochs, sys.stderr)


def _line(row: EpochRow, epochs: int, seconds: float) -> str:
    return (
        f"epoch {row.epoch}/{epochs}  train loss {row.train_loss:.4f}, top-1 {100 * row.train_accuracy:.2f} %  "
        f"validation loss {row.validation_loss:.4f}, top-1 {100 * row.validation_accuracy:.2f} %  {seconds:.1f} s"
    )
