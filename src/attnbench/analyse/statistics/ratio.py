"""The ratio of two latencies measured in turns: its median over the rounds, with a distribution-free interval.

Times are compared within a round, so a slow second of the machine cancels out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class MedianRatio:
    """Median of n ratios; the ends of its interval are NaN where n is too small for the confidence."""

    n: int
    value: float
    low: float
    high: float


def median_ratio(times: ArrayLike, others: ArrayLike, confidence: float) -> MedianRatio:
    """Return the median of `times / others`, round by round, with its interval.

    Raises:
        ValueError: the arrays are empty, have different shapes or more than one axis.
    """
    x, y = np.asarray(times, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if x.ndim != 1 or x.shape != y.shape or x.size == 0:
        raise ValueError(f"a comparison needs two arrays of the same length, at least 1; got {x.shape} and {y.shape}")
    ratios = x / y  # (n,)
    low, high = median_interval(ratios.tolist(), confidence)
    return MedianRatio(x.size, float(np.median(ratios)), low, high)


def median_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return an interval for the median from order statistics; NaN where there are too few values for the confidence.

    Source: Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    interval = stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    return float(interval.low), float(interval.high)
