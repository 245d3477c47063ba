"""What the report reads: the tables of the analysis, and the records that its figures draw."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, LatencyRecord, files, views
from attnbench.records.views import Views
from attnbench.study import Study, StudyPaths, attention, run_name
from attnbench.study.paths import repro

TABLES = (
    "left_out",
    "accuracy",
    "differences",
    "comparisons",
    "comparison_by_seed",
    "per_class",
    "cost",
    "latency",
    "training_step",
    "environment",
    "learning",
    "overview",
    "ablation",
    "ablation_slots",
)
CONTROL_TABLES = ("controls", "control_by_seed", "control_latency")  # of studies with controls


@dataclass(frozen=True)
class Inputs:
    """Everything the report describes. `tables` are in full precision, by file name."""

    study: Study  # with the complete seeds only
    paths: StudyPaths
    tables: dict[str, pd.DataFrame]
    data: DataSummary
    latency: LatencyRecord
    views: dict[str, Views]  # by variant; empty if they show a seed that is not complete

    def rows(self, table: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a table in which columns have these values; a missing number is None."""
        if table not in self.tables:  # the study has no controls
            return []
        frame = self.tables[table]
        for column, value in values.items():
            frame = frame[frame[column] == value]
        known = frame.astype(object).where(frame.notna(), None)
        return [dict(zip(known.columns, values, strict=True)) for values in known.to_numpy().tolist()]


def overruled(row: dict[str, Any]) -> bool:
    """Return whether the interval of a difference excludes 0 although its verdict, after Holm, is inconclusive."""
    return row["verdict"] == "inconclusive" and row["low"] is not None and not row["low"] <= 0 <= row["high"]


def by_verdict(rows: list[dict[str, Any]]) -> dict[str, list[str]]:
    """Return verdict -> variants, for the verdicts that occur: better, worse, inconclusive."""
    names = {
        verdict: [row["variant"] for row in rows if row["verdict"] == verdict]
        for verdict in ("better", "worse", "inconclusive")
    }
    return {verdict: variants for verdict, variants in names.items() if variants}


def controls(tables: dict[str, pd.DataFrame], *, null: bool) -> pd.DataFrame:
    """Return the rows of the table of controls that are null controls, or those that are wider networks."""
    frame = tables["controls"]
    return frame[frame["kind"].isin(attention.NULL_CONTROLS) == null]


def read(study: Study, paths: StudyPaths) -> Inputs:
    """Read the tables and records of a study.

    Raises:
        UserError: one of them is missing.
    """
    names = (*TABLES, *CONTROL_TABLES) if study.controls else TABLES
    tables = {name: _csv(paths.tables / f"{name}.csv", repro(study, ["analyse"])) for name in names}
    incomplete = set(tables["left_out"]["seed"])
    viewed = study.variants if study.seeds[0] not in incomplete else ()
    data = records.read(paths.data_summary, DataSummary)
    return Inputs(
        study=study.model_copy(update={"seeds": [seed for seed in study.seeds if seed not in incomplete]}),
        paths=paths,
        tables=tables,
        data=data,
        latency=records.read(paths.latency, LatencyRecord),
        views={
            variant: views.load(paths.view(variant), variant=variant, seed=study.seeds[0], classes=data.classes)
            for variant in viewed
        },
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
    texts = ("variant", "control", "class", "seeds")
    text = BytesIO(files.content(path, f"make it with: {command}"))
    try:
        return pd.read_csv(text, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(texts, str))
    except ValueError as error:  # empty, not a table, or not UTF-8
        raise UserError(f"{path} is not a table ({error}). Delete it, and make it again with: {command}") from None
