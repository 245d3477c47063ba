"""Accuracy of the runs and of the variants."""

import pandas as pd

from attnbench.analyse import statistics
from attnbench.records import DataSummary, RunRecord
from attnbench.study import Study

_RUN_FIELDS = [
    "variant",
    "seed",
    "epochs",
    "accuracy",
    "loss",
    "validation_accuracy",
    "best_validation_accuracy",
    "best_validation_epoch",
    "train_accuracy",
    "parameters",
    "checkpoint_sha256",
]


def runs_frame(runs: list[RunRecord], data: DataSummary) -> pd.DataFrame:
    """Return one row per run; `standard_error` is the binomial one of its accuracy on the test images."""
    frame = pd.DataFrame([run.model_dump(include=set(_RUN_FIELDS)) for run in runs])[_RUN_FIELDS]
    errors = [statistics.binomial_standard_error(run.accuracy, data.test) for run in runs]
    return frame.assign(standard_error=errors)


def accuracy_frame(study: Study, runs: list[RunRecord], data: DataSummary) -> pd.DataFrame:
    """Return one row per variant: mean, standard deviation and number of its test accuracies, and other means.

    `standard_error` is the binomial one of a single run with that accuracy; a mean of runs on the same images has a
    smaller one, which depends on how far the runs agree image by image.
    """
    rows = []
    for variant in study.variants:
        group = [run for run in runs if run.variant == variant]
        test = statistics.mean_std([run.accuracy for run in group])
        rows.append(
            {
                "variant": variant,
                "mean": test.mean,
                "std": test.std,
                "n": test.n,
                "standard_error": statistics.binomial_standard_error(test.mean, data.test),
                "validation": statistics.mean_std([run.validation_accuracy for run in group]).mean,
                "train": statistics.mean_std([run.train_accuracy for run in group]).mean,
                "loss": statistics.mean_std([run.loss for run in group]).mean,
            }
        )
    return pd.DataFrame(rows)


def per_class_frame(study: Study, runs: list[RunRecord], data: DataSummary) -> pd.DataFrame:
    """Return one row per variant and class: accuracy over the seeds."""
    rows = []
    for variant in study.variants:
        by_class = [run.per_class_accuracy for run in runs if run.variant == variant]
        for name in data.classes:
            test = statistics.mean_std([run[name] for run in by_class])
            rows.append({"variant": variant, "class": name, "mean": test.mean, "std": test.std, "n": test.n})
    return pd.DataFrame(rows)


def accuracies(study: Study, runs: list[RunRecord]) -> dict[str, list[float]]:
    """Return variant -> accuracies in the order of the study's seeds, so that equal positions are pairs."""
    by_run = {(run.variant, run.seed): run.accuracy for run in runs}
    return {variant: [by_run[variant, seed] for seed in study.seeds] for variant in study.variants}
