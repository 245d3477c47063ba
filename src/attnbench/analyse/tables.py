"""The tables in full precision, and the numbers that `dvc metrics diff` compares."""

import math
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.analyse import ablation, accuracy, comparisons, costs, maps, plots, precision, robustness
from attnbench.analyse.other_images import load_correct
from attnbench.analyse.runs import environment_frame, left_out_frame, load_blocks
from attnbench.records import DataSummary, files
from attnbench.study import Study, StudyPaths

FLOAT_FORMAT = "%.10g"  # beyond it, the last bits depend on the versions of the libraries


def analyse(study: Study, paths: StudyPaths) -> None:
    """Write `paths.tables` and `paths.summary` from the records and curves of a study.

    Raises:
        UserError: no seed is complete, or another record is missing or does not belong to the study; nothing is written
            then.
    """
    tables = frames(study, paths)
    with files.replacing_several(paths.report) as folder:
        for name, frame in tables.items():
            text = frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
            files.write_text(folder / paths.tables.name / f"{name}.csv", text)
        files.write_json(folder / paths.summary.name, summary(tables))


def frames(study: Study, paths: StudyPaths) -> dict[str, pd.DataFrame]:
    """Return all tables by name, before anything is written; all but `left_out` are of the complete seeds."""
    blocks, data = load_blocks(study, paths), records.read(paths.data_summary, DataSummary)
    study, runs = blocks.study, blocks.runs
    cost_records, latency = costs.load_costs(study, paths), costs.load_latency(study, paths)
    tables = {
        "runs": accuracy.runs_frame(runs, data),
        "accuracy": accuracy.accuracy_frame(study, runs, data),
        **comparisons.frames(study, runs, load_correct(study, paths, runs, data)),
        "precision": precision.precision_frame(study, runs),
        "diagnostics": precision.diagnostics_frame(study, runs),
        "per_class": accuracy.per_class_frame(study, runs, data),
        "cost": costs.cost_frame(study, cost_records),
        "latency": costs.latency_frame(study, latency),
        "training_step": costs.training_step_frame(study, latency),
        "environment": environment_frame(runs),
        "left_out": left_out_frame(blocks.left_out),
        "learning": plots.learning_frame(study, paths),
        **ablation.frames(study, ablation.load_ablations(study, paths, runs)),
        **robustness.frames(study, robustness.load_robustness(study, paths, runs)),
        **maps.frames(study, maps.load_maps(study, paths, runs)),
    }
    return tables | {"overview": plots.overview_frame(tables)}


def summary(tables: dict[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Return variant -> name -> value, in percent and percentage points, with as many digits as the tables.

    `accuracy` is the mean over the seeds. `difference`, `low`, `high` and `verdict` compare with the baseline, and
    those under `to.<reference>` with a control or the second variant of a declared pair. Undefined numbers are left
    out.
    """
    values: dict[str, dict[str, Any]] = {
        str(row["variant"]): {"accuracy": _hundredfold(row["mean"])} for row in tables["accuracy"].to_dict("records")
    }
    for row in tables["comparisons"].to_dict("records"):
        numbers = {name: _hundredfold(row[name]) for name in ("difference", "low", "high") if not math.isnan(row[name])}
        own = values[str(row["variant"])]
        if row["kind"] != comparisons.BASELINE:
            own = own.setdefault("to", {}).setdefault(str(row["reference"]), {})
        own |= {**numbers, "verdict": row["verdict"]}
    return values


def _hundredfold(share: float) -> float:
    return float(FLOAT_FORMAT % (100 * share))  # fewer digits could round an end of an interval to 0 or to the margin
