"""The mean difference of two sets of runs that are paired by seed, with Student's interval.

With runs x_i of a variant and y_i of the baseline, i = 1..n, and d_i = x_i - y_i:

    mean(d) +- t(n - 1, (1 + confidence) / 2) * std(d) / sqrt(n)

Student's t, not a bootstrap: for n = 3 normal values the nominal 95 % interval covers the mean in 95 % of cases with
t, in 79 % with the percentile bootstrap and in 75 % with the BCa bootstrap.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference, variant minus baseline, in the unit of the values; NaN where n does not determine a number."""

    n: int
    mean: float
    std: float  # of the differences, n - 1 in the denominator
    low: float
    high: float
    p: float  # two-sided, for the hypothesis that the mean is 0, of this single comparison


def paired_difference(variant: ArrayLike, baseline: ArrayLike, confidence: float) -> PairedDifference:
    """Return the mean of `variant - baseline`, element by element, with its paired-t interval.

    One pair has only a mean. Differences that are all equal (up to rounding) have a mean and a standard deviation of 0,
    but no interval: an observed spread of 0 does not estimate the true one, and a p value of 0 would claim certainty.

    Raises:
        ValueError: the arrays are empty, have different shapes or more than one axis.
    """
    x, y = np.asarray(variant, dtype=np.float64), np.asarray(baseline, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(f"a comparison needs two arrays of the same length, at least 1; got {x.shape} and {y.shape}")
    differences = x - y  # (n,)
    mean = float(differences.mean())
    if x.size == 1:
        return PairedDifference(1, mean, np.nan, np.nan, np.nan, np.nan)
    if _all_equal(differences, scale=max(np.abs(x).max(), np.abs(y).max())):
        return PairedDifference(x.size, mean, 0.0, np.nan, np.nan, np.nan)
    return _with_interval(differences, mean, confidence)


def _all_equal(differences: NDArray[np.float64], scale: float) -> bool:
    """Return whether the differences of values of size `scale` are equal up to a few units in its last place."""
    return bool(np.ptp(differences) <= 8 * np.finfo(np.float64).eps * scale)


def _with_interval(differences: NDArray[np.float64], mean: float, confidence: float) -> PairedDifference:
    test = stats.ttest_1samp(differences, 0.0)
    interval = test.confidence_interval(confidence)
    std = float(differences.std(ddof=1))
    return PairedDifference(differences.size, mean, std, float(interval.low), float(interval.high), float(test.pvalue))
