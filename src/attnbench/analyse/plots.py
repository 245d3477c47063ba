"""The tables behind the plots of `dvc plots`: readable units, one row per point."""

from dataclasses import asdict

import pandas as pd

from attnbench.analyse.stage_outputs import require_files
from attnbench.records.curves import read_epochs
from attnbench.study import Study, StudyPaths, run_name

_LEARNING = ["variant", "seed", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def learning_frame(study: Study, paths: StudyPaths) -> pd.DataFrame:
    """Return one row per run and epoch: losses in nats, accuracies in percent.

    Raises:
        UserError: the curve of a run is missing, or is damaged.
    """
    require_files(study, "train", {run_name(*run): paths.epochs(*run) for run in study.runs()})
    rows = [
        {"variant": variant, "seed": seed, **asdict(row)}
        for variant, seed in study.runs()
        for row in read_epochs(paths.epochs(variant, seed), study.recipe.epochs)
    ]
    frame = pd.DataFrame(rows)[_LEARNING]
    for column in ("train_accuracy", "validation_accuracy"):
        frame[column] *= 100
    return frame


def overview_frame(tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row per variant: accuracy and its standard deviation in percent, parameters, MACs, and
    `latency_ratio_<n>`, the ratio to the baseline, for every batch size n.
    """
    accuracy, cost, latency = tables["accuracy"], tables["cost"], tables["latency"]
    frame = pd.DataFrame(
        {
            "variant": accuracy["variant"],
            "accuracy": 100 * accuracy["mean"],
            "std": 100 * accuracy["std"],
            "parameters": cost["parameters"],
            "macs": cost["macs"],
        }
    )
    for size, rows in latency.groupby("batch_size", sort=False):
        frame[f"latency_ratio_{size}"] = rows["ratio"].to_numpy()
    return frame
