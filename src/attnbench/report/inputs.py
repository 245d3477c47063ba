"""What the report reads: the tables of the analysis, and the records that its figures draw."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, LatencyRecord, views
from attnbench.records.views import Views
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro

TABLES = (
    "accuracy",
    "differences",
    "difference_by_seed",
    "per_class",
    "cost",
    "latency",
    "training_step",
    "environment",
    "learning",
    "overview",
)
CONTROL_TABLES = ("controls", "control_by_seed", "control_latency")  # of studies with controls


@dataclass(frozen=True)
class Inputs:
    """Everything the report describes. `tables` are in full precision, by file name."""

    study: Study
    paths: StudyPaths
    tables: dict[str, pd.DataFrame]
    data: DataSummary
    latency: LatencyRecord
    views: dict[str, Views]  # by variant

    def rows(self, table: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a table in which columns have these values; a missing number is None."""
        frame = self.tables[table]
        for column, value in values.items():
            frame = frame[frame[column] == value]
        known = frame.astype(object).where(frame.notna(), None)
        return [dict(zip(known.columns, values, strict=True)) for values in known.to_numpy().tolist()]


def overruled(row: dict[str, Any]) -> bool:
    """Return whether the interval of a difference excludes 0 although its verdict, after Holm, is inconclusive."""
    return row["verdict"] == "inconclusive" and row["low"] is not None and not row["low"] <= 0 <= row["high"]


def read(study: Study, paths: StudyPaths) -> Inputs:
    """Read the tables and records of a study.

    Raises:
        UserError: one of them is missing.
    """
    names = (*TABLES, *CONTROL_TABLES) if study.controls else TABLES
    return Inputs(
        study=study,
        paths=paths,
        tables={name: _csv(paths.tables / f"{name}.csv", repro(study, ["analyse"])) for name in names},
        data=records.read(paths.data_summary, DataSummary),
        latency=records.read(paths.latency, LatencyRecord),
        views={variant: views.load(paths.view(variant)) for variant in study.variants},
    )


def read_iterations(study: Study, paths: StudyPaths) -> pd.DataFrame:
    """Return the training loss of every step of all runs: columns variant, seed, step, loss."""
    frames = [
        _csv(paths.iterations(*run), repro(study, [f"train@{run_name(*run)}"])).assign(variant=run[0], seed=run[1])
        for run in study.runs()
    ]
    return pd.concat(frames, ignore_index=True)


def _csv(path: Path, command: str) -> pd.DataFrame:
    """Read a table; `none` and `NA` may be names of classes, so only an empty cell is a missing number."""
    if not path.is_file():
        raise UserError(f"{path} is missing. Make it with: {command}")
    return pd.read_csv(
        path, keep_default_na=False, na_values=[""], dtype={"variant": str, "control": str, "class": str}
    )
