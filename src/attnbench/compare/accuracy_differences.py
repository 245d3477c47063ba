"""Accuracy of B minus accuracy of A, in full precision: per variant, and over all variants."""

import math
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from attnbench.analyse import statistics
from attnbench.compare.matched_runs import MatchedRuns, Runs
from attnbench.records import RunRecord

ALL = "all variants"
IDENTICAL = "identical"
ESTIMATE = ["difference", "low", "high", "verdict", "standard_error", "degrees_of_freedom"]
COLUMNS = ["variant", "n_a", "n_b", "accuracy_a", "accuracy_b", *ESTIMATE]


def accuracy_differences(runs: MatchedRuns, confidence: float, margin: float | None = None) -> pd.DataFrame:
    """Return one row per variant, which are one family, and with several variants one over all, which stands alone.

    Paired, intervals are those of the moderated block t (`statistics.blocks`), with both sides of all variants as
    treatments. Unpaired, they are Welch's (`statistics.unpaired`). `all variants` averages within each seed first: what
    a change does to a seed it does to all variants alike, so these means have no other variance to be pooled with.
    The verdict is `identical` where all pairs have equal weights.
    """
    rows = []
    estimates = _estimates(runs, list(runs.a), confidence, margin)
    if len(runs.a) > 1:
        estimates |= _estimates(runs, [ALL], confidence, margin)
    for variant, comparison in estimates.items():
        a, b = _of(runs.a, variant), _of(runs.b, variant)
        row: dict[str, Any] = {"variant": variant, "n_a": len(a), "n_b": len(b)}
        row |= {"accuracy_a": _mean(a), "accuracy_b": _mean(b), **asdict(comparison)}
        if runs.paired and _same_weights(runs, variant):
            row["verdict"] = IDENTICAL
        rows.append(row)
    return pd.DataFrame(rows, columns=COLUMNS)


def _estimates(
    runs: MatchedRuns, names: list[str], confidence: float, margin: float | None
) -> dict[str, statistics.Comparison]:
    """Return name -> B minus A for a family of variants."""
    a, b = ([_of(side, name) or [math.nan] for name in names] for side in (runs.a, runs.b))
    if runs.paired:
        contrasts = np.hstack([-np.eye(len(names)), np.eye(len(names))])  # (v, 2 v)
        comparisons = statistics.block_comparisons([*a, *b], contrasts, confidence, margin)
    else:
        comparisons = statistics.unpaired_comparisons(list(zip(b, a, strict=True)), confidence, margin)
    return dict(zip(names, comparisons, strict=True))


def _of(side: Runs, name: str) -> list[float]:
    """Return the accuracies of a variant by seed; of `all variants` their means within the seeds that have them all."""
    if name != ALL:
        return [run.accuracy for run in side[name].values()]
    seeds = sorted(set.intersection(*(set(runs) for runs in side.values())))
    blocks = [[runs[seed].accuracy for runs in side.values()] for seed in seeds]
    return [_mean(block) for block in blocks]


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan


def _same_weights(runs: MatchedRuns, name: str) -> bool:
    """Tell whether both sides of every pair of a variant, or of all, have equal weights and accuracies."""
    pairs = [(a, b) for a, b in runs.pairs if name in (a.variant, ALL)]
    return all(_result(a) == _result(b) for a, b in pairs)


def _result(run: RunRecord) -> tuple[str, float]:
    return run.checkpoint_sha256, run.accuracy
