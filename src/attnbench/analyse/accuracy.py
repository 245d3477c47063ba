"""Accuracy of the variants, and their differences to the baseline, paired by seed."""

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from attnbench.analyse import statistics
from attnbench.records import DataSummary, RunRecord
from attnbench.study.schema import Study

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
    """Return one row per run; `standard_error` is that of its accuracy as a share of the test images."""
    frame = pd.DataFrame([run.model_dump(include=set(_RUN_FIELDS)) for run in runs])[_RUN_FIELDS]
    errors = [statistics.binomial_standard_error(run.accuracy, data.test) for run in runs]
    return frame.assign(standard_error=errors)


def accuracy_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per variant: test accuracy over its seeds; beside it, other means."""
    rows = []
    for variant in study.variants:
        own = [run for run in runs if run.variant == variant]
        test = statistics.spread([run.accuracy for run in own])
        rows.append(
            {
                "variant": variant,
                "mean": test.mean,
                "std": test.std,
                "n": test.n,
                "validation": statistics.spread([run.validation_accuracy for run in own]).mean,
                "train": statistics.spread([run.train_accuracy for run in own]).mean,
                "loss": statistics.spread([run.loss for run in own]).mean,
            }
        )
    return pd.DataFrame(rows)


def difference_by_seed_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per variant other than the baseline and per seed: variant minus baseline of that seed."""
    accuracy = by_variant(study, runs)
    rows = [
        {"variant": variant, "seed": seed, "difference": own - base}
        for variant in _others(study)
        for seed, own, base in zip(study.seeds, accuracy[variant], accuracy[study.baseline], strict=True)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "difference"])


def differences_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per variant other than the baseline.

    `low` and `high` bound the one difference at the study's confidence; `p_holm` and `verdict` account for all
    comparisons. `smallest_detectable` and `seeds_needed` are for a power of 80 % at the first and strictest of
    Holm's steps, since that is what a verdict may have to pass.
    """
    others = _others(study)
    rows = compared(study, runs, [(name, study.baseline) for name in others])
    return pd.DataFrame([{"variant": name, **row} for name, row in zip(others, rows, strict=True)])


def compared(study: Study, runs: list[RunRecord], pairs: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
    """Return for each pair of variants the difference, first minus second, all of them one family for Holm."""
    accuracy = by_variant(study, runs)
    found = [statistics.paired_difference(accuracy[one], accuracy[other], study.confidence) for one, other in pairs]
    adjusted = statistics.holm([one.p for one in found])
    alpha = (1 - study.confidence) / len(pairs)
    return [_row(one, float(p), study.confidence, alpha) for one, p in zip(found, adjusted, strict=True)]


def _row(one: statistics.PairedDifference, p_holm: float, confidence: float, alpha: float) -> dict[str, Any]:
    needed = statistics.seeds_needed(one.mean, one.std, alpha)
    return {
        "mean": one.mean,
        "std": one.std,
        "n": one.n,
        "low": one.low,
        "high": one.high,
        "p": one.p,
        "p_holm": p_holm,
        "smallest_detectable": statistics.smallest_detectable_difference(one.std, one.n, alpha),
        "seeds_needed": math.nan if needed is None else needed,
        "verdict": statistics.verdict(one.mean, p_holm, confidence),
    }


def per_class_frame(study: Study, runs: list[RunRecord], data: DataSummary) -> pd.DataFrame:
    """Return one row per variant and class: accuracy over the seeds."""
    rows = []
    for variant in study.variants:
        own = [run.per_class_accuracy for run in runs if run.variant == variant]
        for name in data.classes:
            found = statistics.spread([accuracy[name] for accuracy in own])
            rows.append({"variant": variant, "class": name, "mean": found.mean, "std": found.std, "n": found.n})
    return pd.DataFrame(rows)


def _others(study: Study) -> list[str]:
    return [variant for variant in study.variants if variant != study.baseline]


def by_variant(study: Study, runs: list[RunRecord]) -> dict[str, list[float]]:
    """Return variant -> accuracies in the order of the study's seeds, so that equal places are pairs."""
    found = {(run.variant, run.seed): run.accuracy for run in runs}
    return {variant: [found[variant, seed] for seed in study.seeds] for variant in study.variants}
