"""What the report reads: the tables of the analysis, and the records that its figures draw."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, Environment, LatencyRecord, files, views
from attnbench.records.views import Views
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro

# columns of texts that may look like numbers; in the environment also versions, such as 560.70 of a driver
_NAMES = ("variant", "reference", "kind", "measure", "control", "block", "slot", "map", "quantity", "of", "class")
_TEXTS = {"environment": ("seeds", *Environment.model_fields)}
TABLES = (
    "left_out",
    "runs",
    "accuracy",
    "comparisons",
    "comparison_by_seed",
    "precision",
    "diagnostics",
    "per_class",
    "cost",
    "latency",
    "training_step",
    "environment",
    "learning",
    "ablation",
    "ablation_slots",
    "robustness",
    "robustness_comparisons",
    "corruptions",
    "maps",
    "maps_comparisons",
    "map_curves",
    "map_controls",
    "map_objects",
    "gate_controls",
    "map_agreement",
    "map_agreement_test",
)


@dataclass(frozen=True)
class Inputs:
    """Everything the report describes. `tables` are in full precision, by file name."""

    study: Study  # with the complete seeds only
    paths: StudyPaths
    tables: dict[str, pd.DataFrame]
    data: DataSummary
    latency: LatencyRecord
    code: dict[str, str]  # by variant: SHA-256 of the code that trained it
    views: dict[str, Views]  # by variant; empty if they show a seed that is not complete

    def frame(self, table: str, **values: Any) -> pd.DataFrame:
        """Return the part of a table in which columns have these values."""
        frame = self.tables[table]
        for column, value in values.items():
            frame = frame[frame[column] == value]
        return frame

    def rows(self, table: str, **values: Any) -> list[dict[str, Any]]:
        """Return the rows of a table in which columns have these values; a missing number is None."""
        frame = self.frame(table, **values)
        known = frame.astype(object).where(frame.notna(), None)
        return [dict(zip(known.columns, values, strict=True)) for values in known.to_numpy().tolist()]

    def compared(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the comparisons of these kinds: `baseline`, a key of the study's controls, or `declared`."""
        return [row for row in self.rows("comparisons") if set(kinds) & set(row["kind"].split())]


def read(study: Study, paths: StudyPaths) -> Inputs:
    """Read the tables and records of a study.

    Raises:
        UserError: one of them is missing.
    """
    tables = {name: _csv(paths.tables / f"{name}.csv", repro(study, ["analyse"])) for name in TABLES}
    incomplete = set(tables["left_out"]["seed"])
    viewed = study.variants if study.seeds[0] not in incomplete else ()
    data = records.read(paths.data_summary, DataSummary)
    return Inputs(
        study=study.model_copy(update={"seeds": [seed for seed in study.seeds if seed not in incomplete]}),
        paths=paths,
        tables=tables,
        data=data,
        latency=records.read(paths.latency, LatencyRecord),
        code={variant: records.code_sha256(paths.code("train", variant)) for variant in study.variants},
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
    text = BytesIO(files.content(path, f"make it with: {command}"))
    try:
        return pd.read_csv(
            text, keep_default_na=False, na_values=[""], dtype=dict.fromkeys((*_NAMES, *_TEXTS.get(path.stem, ())), str)
        )
    except ValueError as error:  # empty, not a table, or not UTF-8
        raise UserError(f"{path} is not a table ({error}). Delete it, and make it again with: {command}") from None
