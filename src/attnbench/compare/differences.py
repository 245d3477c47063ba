"""Accuracy of B minus that of A, in full precision."""

from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attnbench.analyse import statistics
from attnbench.compare.pairs import Pairs

COLUMNS = ["variant", "n", "accuracy_a", "accuracy_b", "difference", "std", "low", "high", "p"]
ALL = "all variants"


def by_variant(pairs: Pairs, confidence: float) -> pd.DataFrame:
    """Return one row per variant: mean accuracies of its n pairs, and their difference with its paired-t interval.

    `p` is that of the row alone: no row knows of the others.
    """
    rows = [_row(variant, list(own.values()), confidence) for variant, own in _accuracies(pairs).items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def all_variants(pairs: Pairs, confidence: float) -> pd.DataFrame:
    """Return the one row over all variants; n is the number of seeds that have a pair of each variant.

    Runs of one seed share initialisation, order of the images and augmentation, so their differences are not
    independent. They are averaged over the variants within a seed first; the interval is that of the seeds.
    A seed that lacks a variant is left out: its average would be that of other variants. Without a seed, all is NaN.
    """
    found = _accuracies(pairs)
    seeds = sorted(set.intersection(*(set(own) for own in found.values())))
    means = [np.mean([own[seed] for own in found.values()], axis=0) for seed in seeds]
    if not means:
        return pd.DataFrame([{"variant": ALL, "n": 0}], columns=COLUMNS)
    return pd.DataFrame([_row(ALL, means, confidence)], columns=COLUMNS)


def _accuracies(pairs: Pairs) -> dict[str, dict[int, tuple[float, float]]]:
    """Return variant -> seed -> accuracies of A and B."""
    found: dict[str, dict[int, tuple[float, float]]] = {}
    for a, b in pairs.both:
        found.setdefault(a.variant, {})[a.seed] = (a.accuracy, b.accuracy)
    return found


def _row(variant: str, accuracies: ArrayLike, confidence: float) -> dict[str, Any]:
    a, b = np.transpose(accuracies)  # (n,) each
    difference = asdict(statistics.paired_difference(b, a, confidence))
    means = {"accuracy_a": float(a.mean()), "accuracy_b": float(b.mean()), "difference": difference.pop("mean")}
    return {"variant": variant, **means, **difference}
