"""What n seeds can show: expected half-widths of the intervals, and the seeds that a half-width takes.

With V at its expectation, twice the error variance, the half-width is crit sqrt(2 error_std^2 / n): see
`statistics.blocks`. It depends on the family, the seeds and the spread alone, so it is known before anything is
trained. There is no "seeds needed for the difference seen": that is the p value in other words, and as uncertain.
Source: Hoenig and Heisey, The abuse of power, American Statistician 55 (2001).
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from attnbench.analyse.statistics.blocks import critical_value, degrees_of_freedom

MOST_SEEDS = 1000  # nobody trains more, so the exact number does not matter


def expected_half_width(contrasts: NDArray[np.float64], seeds: int, error_std: float, confidence: float) -> float:
    """Return the half-width of the simultaneous intervals of a family, in the unit of `error_std`.

    Args:
        contrasts: (k, v) the family, each with |c|^2 = 2, over all v >= 2 variants of the study.
        seeds: 2 or more; NaN for one seed, which gives no interval.
        error_std: standard deviation of a run that neither its variant nor its seed explains.
        confidence: probability that all k intervals cover the true differences, between 0 and 1.
    """
    if seeds < 2:
        return math.nan
    crit = critical_value(contrasts, degrees_of_freedom(contrasts.shape[1], seeds), confidence)
    return crit * error_std * math.sqrt(2 / seeds)


def seeds_for(half_width: float, contrasts: NDArray[np.float64], error_std: float, confidence: float) -> int | None:
    """Return the fewest seeds whose expected half-width is at most `half_width`, both in the unit of `error_std`.

    None if `error_std` is 0 or unknown, or if more than `MOST_SEEDS` seeds are needed.
    """
    if not error_std > 0:
        return None
    smallest = critical_value(contrasts, degrees_of_freedom(contrasts.shape[1], MOST_SEEDS), confidence)
    seeds = max(2, math.ceil(2 * (smallest * error_std / half_width) ** 2))
    while seeds <= MOST_SEEDS and expected_half_width(contrasts, seeds, error_std, confidence) > half_width:
        seeds += 1
    return seeds if seeds <= MOST_SEEDS else None


def upper_limit(error_std: float, degrees_of_freedom: int, confidence: float) -> float:
    """Return the one-sided upper confidence limit of a standard deviation; NaN without degrees of freedom."""
    if degrees_of_freedom < 1:
        return math.nan
    return error_std * math.sqrt(degrees_of_freedom / stats.chi2.ppf(1 - confidence, degrees_of_freedom))
