"""The tables behind the plots of `dvc plots`: readable units, one row per point."""

import pandas as pd

from attnbench.errors import UserError
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro

_LEARNING = ["variant", "seed", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy"]


def learning_frame(study: Study, paths: StudyPaths) -> pd.DataFrame:
    """Return one row per run and epoch: losses in nats, accuracies in percent.

    Raises:
        UserError: the curve of a run is missing.
    """
    missing = [run for run in study.runs() if not paths.epochs(*run).is_file()]
    if missing:
        command = repro(study, [f"train@{run_name(*run)}" for run in missing])
        raise UserError(f"{paths.epochs(*missing[0])} is missing. Make it with: {command}")
    curves = [pd.read_csv(paths.epochs(*run)).assign(variant=run[0], seed=run[1]) for run in study.runs()]
    frame = pd.concat(curves, ignore_index=True)[_LEARNING]
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
