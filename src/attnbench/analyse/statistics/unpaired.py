"""Differences between two sets of runs that share no seeds: Welch's t with simultaneous intervals.

Without shared seeds the spread between seeds does not cancel, and runs of one seed deviate together in all variants, so
a pooled variance would have hardly more degrees of freedom than a single one: every comparison uses its own variances
x and y. Bonferroni's intervals are simultaneous whatever the correlation between comparisons.

    V  = x / n + y / m                              nu = V^2 / ((x / n)^2 / (n - 1) + (y / m)^2 / (m - 1))
    interval = mean - mean  +-  t(nu, 1 - (1 - confidence) / (2 k)) sqrt(V)
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from attnbench.analyse.statistics.blocks import Comparison, comparison
from attnbench.analyse.statistics.single import are_equal


def unpaired_comparisons(
    groups: Sequence[tuple[ArrayLike, ArrayLike]], confidence: float, margin: float | None = None
) -> list[Comparison]:
    """Return mean of the first minus mean of the second of every pair of groups; all are one family.

    There is no interval where a group has a single value, or neither varies beyond rounding.
    """
    level = 1 - (1 - confidence) / (2 * len(groups))
    comparisons = []
    for first, second in groups:
        x, y = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
        difference, error, nu = float(x.mean() - y.mean()), np.nan, np.nan
        if min(x.size, y.size) > 1 and not (are_equal(x) and are_equal(y)):
            squares = x.var(ddof=1) / x.size, y.var(ddof=1) / y.size
            error = float(np.sqrt(sum(squares)))
            nu = float(error**4 / (squares[0] ** 2 / (x.size - 1) + squares[1] ** 2 / (y.size - 1)))
        crit = float(stats.t.ppf(level, nu)) if nu > 0 else np.nan
        comparisons.append(comparison(difference, error, nu, crit, margin))
    return comparisons
