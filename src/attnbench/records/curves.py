"""Curves of a run as CSV files. The analyse stage joins them in tables/learning.csv, which DVC plots."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from io import StringIO
from pathlib import Path

from attnbench.records import files


@dataclass(frozen=True)
class EpochRow:
    """One epoch. Losses are mean cross entropies in nats; the training loss includes the recipe's label smoothing."""

    epoch: int  # counted from 1
    learning_rate: float  # at the end of the epoch, before a plateau lowers it
    train_loss: float  # on the augmented images, while the weights change
    train_accuracy: float  # top-1, 0..1, on the augmented images, while the weights change
    validation_loss: float
    validation_accuracy: float


def write_epochs(path: Path, rows: Sequence[EpochRow]) -> None:
    """Write one line per epoch, all or nothing."""
    _write(path, [field.name for field in fields(EpochRow)], (astuple(row) for row in rows))


def write_iterations(path: Path, losses: Sequence[float]) -> None:
    """Write the training loss of every step, counted from 1, all or nothing."""
    _write(path, ["step", "loss"], enumerate(losses, start=1))


def _write(path: Path, header: list[str], rows: Iterable[tuple[float, ...]]) -> None:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in row] for row in rows)
    files.write_text(path, text.getvalue())
