"""What the report reads."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, LatencyRecord, views
from attnbench.records.views import Views
from attnbench.study.commands import repro
from attnbench.study.paths import StudyPaths, run_name
from attnbench.study.schema import Study

TABLES = (
    "runs",
    "accuracy",
    "differences",
    "difference_by_seed",
    "per_class",
    "cost",
    "latency",
    "time",
    "environment",
    "learning",
    "overview",
)
CONTROL_TABLES = ("controls", "control_by_seed", "control_latency")  # where the study has controls


@dataclass(frozen=True)
class Inputs:
    """All of a study that the report speaks of. `tables` are in full precision, by file name."""

    study: Study
    paths: StudyPaths
    tables: dict[str, pd.DataFrame]
    data: DataSummary
    latency: LatencyRecord
    views: dict[str, Views]  # by variant

    def row(self, table: str, variant: str, **wanted: Any) -> "pd.Series[Any]":
        """Return the one row of a table for a variant (and further columns' values)."""
        frame = self.tables[table]
        for column, value in {"variant": variant, **wanted}.items():
            frame = frame[frame[column] == value]
        return frame.iloc[0]

    @property
    def others(self) -> list[str]:
        """All variants but the baseline, in the order of params.yaml."""
        return [variant for variant in self.study.variants if variant != self.study.baseline]


def read(study: Study, paths: StudyPaths) -> Inputs:
    """Read the tables and records of a study.

    Raises:
        UserError: one is missing; the text says which.
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


def curves(inputs: Inputs, place: Callable[[str, int], Path]) -> pd.DataFrame:
    """Return the curves of all runs, one after the other, with columns `variant` and `seed`.

    `place` is `StudyPaths.epochs` or `StudyPaths.iterations`.
    """
    frames = [
        _csv(place(variant, seed), repro(inputs.study, [f"train@{run_name(variant, seed)}"])).assign(
            variant=variant, seed=seed
        )
        for variant in inputs.study.variants
        for seed in inputs.study.seeds
    ]
    return pd.concat(frames, ignore_index=True)


def _csv(path: Path, command: str) -> pd.DataFrame:
    """Read a table; names such as `none` or `NA` may be classes: only an empty cell is a missing number."""
    if not path.is_file():
        raise UserError(f"{path} is missing. Make it with: {command}")
    return pd.read_csv(
        path, keep_default_na=False, na_values=[""], dtype={"variant": str, "control": str, "class": str}
    )
