"""Accuracy of B minus accuracy of A, in full precision: per variant, and over all variants."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attnbench.analyse import statistics
from attnbench.compare.paired_runs import PairedRuns

COLUMNS = ["variant", "n", "accuracy_a", "accuracy_b", "difference", "std", "low", "high", "p"]
ALL = "all variants"


def by_variant(paired: PairedRuns, confidence: float) -> pd.DataFrame:
    """Return one row per variant: mean accuracies of its n pairs, and their difference with its paired-t interval.

    `p` is for that row only; it is not adjusted for the number of rows.
    """
    rows = [_row(variant, list(seeds.values()), confidence) for variant, seeds in _accuracies(paired).items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def all_variants(paired: PairedRuns, confidence: float) -> pd.DataFrame:
    """Return one row over all variants; n is the number of seeds that have a pair of every variant.

    Runs of one seed share initialisation, order of the images and augmentation, so their differences are not
    independent: they are averaged over the variants within each seed first, and the interval is over the seeds.
    A seed that lacks a variant is left out, because its average would be over different variants. Without any complete
    seed, n is 0 and everything else is NaN.
    """
    accuracies = _accuracies(paired)
    complete = sorted(set.intersection(*(set(seeds) for seeds in accuracies.values())))
    means = [np.mean([seeds[seed] for seeds in accuracies.values()], axis=0) for seed in complete]
    if not means:
        return pd.DataFrame([{"variant": ALL, "n": 0}], columns=COLUMNS)
    return pd.DataFrame([_row(ALL, means, confidence)], columns=COLUMNS)


def _accuracies(paired: PairedRuns) -> dict[str, dict[int, tuple[float, float]]]:
    """Return variant -> seed -> accuracies of A and B."""
    accuracies: dict[str, dict[int, tuple[float, float]]] = {}
    for a, b in paired.pairs:
        accuracies.setdefault(a.variant, {})[a.seed] = (a.accuracy, b.accuracy)
    return accuracies


def _row(variant: str, accuracies: ArrayLike, confidence: float) -> dict[str, Any]:
    a, b = np.transpose(accuracies)  # (n,), (n,)
    difference = asdict(statistics.paired_difference(b, a, confidence))
    means = {"accuracy_a": float(a.mean()), "accuracy_b": float(b.mean()), "difference": difference.pop("mean")}
    return {"variant": variant, **means, **difference}
