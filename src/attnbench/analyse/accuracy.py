"""Accuracy of the variants, and their differences to the baseline, paired by seed."""

import math
from collections.abc import Sequence
from typing import Any

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


def difference_by_seed_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per variant other than the baseline and per seed: variant minus baseline of that seed."""
    accuracy = accuracies(study, runs)
    rows = [
        {"variant": variant, "seed": seed, "difference": own - base}
        for variant in _others(study)
        for seed, own, base in zip(study.seeds, accuracy[variant], accuracy[study.baseline], strict=True)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "difference"])


def differences_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per variant other than the baseline.

    `low` and `high` bound the single difference at the study's confidence; `p_holm` and `verdict` account for all
    comparisons. `smallest_detectable` and `seeds_needed` hold for the power in `power`, at the first and strictest of
    Holm's steps, since a verdict may have to pass that one. `seeds_needed` is empty beyond `seeds_limit`.
    """
    others = _others(study)
    rows = compared(study, runs, [(name, study.baseline) for name in others])
    return pd.DataFrame([{"variant": name, **row} for name, row in zip(others, rows, strict=True)])


def compared(study: Study, runs: list[RunRecord], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return for each pair of variants the difference, first minus second; all pairs are one family for Holm."""
    accuracy = accuracies(study, runs)
    differences = [
        statistics.paired_difference(accuracy[first], accuracy[second], study.confidence) for first, second in pairs
    ]
    adjusted = statistics.holm([difference.p for difference in differences])
    alpha = (1 - study.confidence) / len(pairs)
    return [
        _row(difference, float(p_holm), study.confidence, alpha)
        for difference, p_holm in zip(differences, adjusted, strict=True)
    ]


def _row(difference: statistics.PairedDifference, p_holm: float, confidence: float, alpha: float) -> dict[str, Any]:
    seeds = statistics.seeds_needed(difference.mean, difference.std, alpha)
    return {
        "mean": difference.mean,
        "std": difference.std,
        "n": difference.n,
        "low": difference.low,
        "high": difference.high,
        "p": difference.p,
        "p_holm": p_holm,
        "power": statistics.POWER,
        "smallest_detectable": statistics.smallest_detectable_difference(difference.std, difference.n, alpha),
        "seeds_needed": math.nan if seeds is None else seeds,
        "seeds_limit": statistics.SEEDS_LIMIT,
        "verdict": statistics.verdict(difference.mean, p_holm, confidence),
    }


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


def _others(study: Study) -> list[str]:
    return [variant for variant in study.variants if variant != study.baseline]
