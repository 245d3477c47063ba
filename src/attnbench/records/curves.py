"""Curves of a run as CSV files. The analyse stage joins them in tables/learning.csv, which DVC plots."""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from io import StringIO
from pathlib import Path

from pydantic import ConfigDict, TypeAdapter, ValidationError

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.records.io import AtLeastOne, NotNegative, Share, first_problem


@dataclass(frozen=True)
class EpochRow:
    """One epoch. Losses are mean cross entropies in nats; the training loss includes the recipe's label smoothing."""

    __pydantic_config__ = ConfigDict(extra="forbid", allow_inf_nan=False)  # for reading

    epoch: AtLeastOne  # counted from 1
    learning_rate: NotNegative  # at the end of the epoch, before a plateau lowers it
    train_loss: NotNegative  # on the augmented images, while the weights change
    train_accuracy: Share  # top-1, on the augmented images, while the weights change
    validation_loss: NotNegative
    validation_accuracy: Share


_ROWS = TypeAdapter(list[EpochRow])


def read_epochs(path: Path, epochs: int) -> list[EpochRow]:
    """Return the rows of a run with `epochs` epochs.

    Raises:
        UserError: the file is missing or damaged, or has another number of epochs.
    """
    advice = f"delete it and train the run again with {files.run_command(path)}"
    try:
        rows = _ROWS.validate_python(list(csv.DictReader(StringIO(files.content(path).decode(), newline=""))))
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path} is not a table ({error}); {advice}") from None
    except ValidationError as error:
        raise UserError(f"{path} is not a table of epochs: row {first_problem(error)}; {advice}") from None
    if [row.epoch for row in rows] != list(range(1, epochs + 1)):
        raise UserError(f"{path} has {len(rows)} rows, not one for each of the {epochs} epochs in order; {advice}")
    return rows


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
