"""The ratio of two times that were taken in turns: its median over the rounds, with an interval.

Rounds are compared within themselves, so a slow second of the machine falls out. `attnbench.cost.latency` does the
same for ratios to the baseline, with the same interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from attnbench.analyse.statistics.intervals import median_interval


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
        raise ValueError(f"two arrays of one and the same length are compared, at least 1; got {x.shape} and {y.shape}")
    ratios = x / y  # (n,)
    low, high = median_interval(ratios.tolist(), confidence)
    return MedianRatio(x.size, float(np.median(ratios)), low, high)
