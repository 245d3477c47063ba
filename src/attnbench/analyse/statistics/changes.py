"""What a change of trained networks does to their accuracy, with simultaneous intervals.

Frozen or shuffled gates change a network after its training, so a change is a paired observation without a block
effect. As in `blocks`, the variance s2 of each change is shrunk towards the pooled one, here P = mean of s2. The pooled
variance counts one network per variant and seed for its degrees of freedom, since changes of one network are related:

    V  = w s2 + (1 - w) P              w = d / (d + 4), d = n - 1
    nu = min(d + 4, 1 / (w^2 / d + (1 - w^2) / (m d)))

For the spreads seen in a first study (0.03 to 1.6 points) the familywise error is 5 % with 3 and with 5 seeds, and 1 to
3 % where all are equal; a single change ten times as noisy as the others is the worst case.
"""

import numpy as np
from numpy.typing import ArrayLike

from attnbench.analyse.statistics.blocks import Comparison, comparison, critical_value, degrees_of_freedom, own_weight

_ROUNDING = 8 * np.finfo(np.float64).eps  # of a difference between two accuracies, 0..1


def change_comparisons(changes: ArrayLike, confidence: float) -> list[list[Comparison]]:
    """Return the mean of every change of every variant; all are one family.

    A change that is exactly 0 for every seed, as freezing a gate that is constant anyway, is no member of the family
    and has no interval. There is none either with one seed, or where no change varies beyond rounding.

    Args:
        changes: (m, c, n) accuracy with the change minus accuracy without it, for m variants, c changes, n seeds.
        confidence: probability that all intervals cover the true means, between 0 and 1.

    Raises:
        ValueError: the array has other axes or no value.
    """
    array = np.asarray(changes, dtype=np.float64)
    if array.ndim != 3 or array.size == 0:
        raise ValueError(f"changes have the axes (variant, change, seed) and at least one value; got {array.shape}")
    changed = (array != 0).any(axis=2)  # (m, c)
    means, n = array.mean(axis=2), array.shape[2]
    errors = np.full(means.shape, np.nan)
    nu = crit = np.nan
    if n > 1 and np.ptp(array, axis=2).max() > _ROUNDING:
        own = array.var(axis=2, ddof=1)[changed]
        w = own_weight(n)
        errors[changed] = np.sqrt((w * own + (1 - w) * own.mean()) / n)
        nu = degrees_of_freedom(int(changed.any(axis=1).sum()) + 1, n)
        crit = critical_value(np.eye(own.size), nu, confidence)
    return [
        [comparison(mean, error, nu, crit) for mean, error in zip(*rows, strict=True)]
        for rows in zip(means.tolist(), errors.tolist(), strict=True)
    ]
