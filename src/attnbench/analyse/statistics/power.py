"""What n paired runs can detect: the power of the two-sided paired t test, and its inverses.

With effect e = |mean| / std of the differences, T = (Z + e sqrt(n)) / sqrt(V / df), df = n - 1, and power is
P(|T| > t). Given Z = z that is P(V < df (z + e sqrt(n))^2 / t^2), a chi-square probability, so a single sum over z
remains. For the few runs and small levels that matter here, `scipy.stats.nct` returns NaN and
`statsmodels.TTestPower.solve_power` silently returns the end of its bracket.
"""

import numpy as np
from scipy import optimize, stats

POWER = 0.8
SEEDS_LIMIT = 10_000  # nobody runs more seeds, so the exact number does not matter

_GRID = np.linspace(-8.0, 8.0, 4001)
_WEIGHTS = stats.norm.pdf(_GRID) * (_GRID[1] - _GRID[0])


def power(effect: float, n: int, alpha: float) -> float:
    """Return the probability that n pairs reject a mean of 0 at level `alpha` if mean / std is `effect`."""
    df = n - 1
    threshold = stats.t.isf(alpha / 2, df)
    rejected = stats.chi2.cdf(df * ((_GRID + effect * np.sqrt(n)) / threshold) ** 2, df)  # (4001,)
    return float(np.dot(rejected, _WEIGHTS))


def smallest_detectable_difference(std: float, n: int, alpha: float, target: float = POWER) -> float:
    """Return the smallest true mean difference that n pairs detect with probability `target`.

    In the unit of `std`, the standard deviation of the differences. NaN for a single pair, and where `std` is 0 or
    unknown.
    """
    if n < 2 or not std > 0:
        return np.nan
    high = 1.0
    while power(high, n, alpha) < target:
        high *= 2
    effect = optimize.brentq(lambda e: power(e, n, alpha) - target, 0.0, high, xtol=1e-12)
    return float(effect * std)


def seeds_needed(difference: float, std: float, alpha: float, target: float = POWER) -> int | None:
    """Return the fewest pairs that detect a true mean `difference` with probability `target`.

    Takes the difference and the standard deviation for the true ones. None if the standard deviation is unknown or
    0, or if more than `SEEDS_LIMIT` pairs are needed.
    """
    if not std > 0:
        return None
    effect = abs(difference) / std
    if power(effect, SEEDS_LIMIT, alpha) < target:
        return None
    low, high = 1, SEEDS_LIMIT  # power(low) < target <= power(high); one pair has no power
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if power(effect, middle, alpha) < target else (low, middle)
    return high
