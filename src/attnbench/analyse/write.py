"""The tables in full precision, and the numbers that `dvc metrics diff` compares."""

import math
from typing import Any

import pandas as pd

from attnbench import records
from attnbench.analyse import accuracy, controls, costs
from attnbench.analyse.environment import environment_frame
from attnbench.analyse.runs import load_runs
from attnbench.records import DataSummary, files
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Study

FLOAT_FORMAT = "%.10g"  # beyond it, the last bits depend on the versions of the libraries


def analyse(study: Study, paths: StudyPaths) -> None:
    """Write `paths.tables` and `paths.summary` from the records of a study.

    Raises:
        UserError: a record is missing or does not belong to the study.
    """
    tables = frames(study, paths)
    for name, frame in tables.items():
        text = frame.to_csv(index=False, float_format=FLOAT_FORMAT, lineterminator="\n")
        files.write_text(paths.tables / f"{name}.csv", text)
    files.write_json(paths.summary, summary(tables))


def frames(study: Study, paths: StudyPaths) -> dict[str, pd.DataFrame]:
    """Return all tables by name, before anything is written."""
    runs, data = load_runs(study, paths), records.read(paths.data_summary, DataSummary)
    cost, latency = costs.load_costs(study, paths), costs.load_latency(study, paths)
    return {
        "runs": accuracy.runs_frame(runs, data),
        "accuracy": accuracy.accuracy_frame(study, runs),
        "differences": accuracy.differences_frame(study, runs),
        "difference_by_seed": accuracy.difference_by_seed_frame(study, runs),
        "per_class": accuracy.per_class_frame(study, runs, data),
        "cost": costs.cost_frame(study, cost),
        "latency": costs.latency_frame(study, latency),
        "time": costs.time_frame(study, costs.load_timings(study, paths, runs)),
        "environment": environment_frame(runs),
        **controls.frames(study, runs, cost, latency),
    }


def summary(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Return variant -> name -> number; what n seeds cannot tell is left out, since JSON has no NaN."""
    found: dict[str, dict[str, Any]] = {}
    for row in tables["accuracy"].to_dict("records"):
        found[str(row["variant"])] = {"accuracy_mean": row["mean"], "accuracy_std": row["std"], "n": row["n"]}
    for row in tables["differences"].to_dict("records"):
        found[str(row["variant"])] |= {"difference": row["mean"], "low": row["low"], "high": row["high"]}
    if "controls" in tables:
        for row in tables["controls"].to_dict("records"):
            name = f"difference_to_{row['control']}"
            found[str(row["variant"])] |= {name: row["mean"], f"{name}_low": row["low"], f"{name}_high": row["high"]}
    return {
        variant: {name: _number(v) for name, v in own.items() if not math.isnan(v)} for variant, own in found.items()
    }


def _number(value: float) -> float | int:
    return int(value) if isinstance(value, int) else float(FLOAT_FORMAT % value)
