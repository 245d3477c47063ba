"""Several comparisons with one baseline: Holm's correction, and the verdict that follows from it."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests

Verdict = Literal["better", "worse", "inconclusive"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p values of a family of comparisons.

    A NaN (a comparison that gave no p) stays NaN, yet counts as a member: leaving it out would make the others
    look better than the family that was looked at allows.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if values.size == 0:
        return values
    unknown = np.isnan(values)
    _, adjusted, _, _ = multipletests(np.where(unknown, 1.0, values), method="holm")
    return np.where(unknown, np.nan, adjusted)


def verdict(mean: float, p_holm: float, confidence: float) -> Verdict:
    """Return what may be said of one variant of the family at `confidence`; without a p, nothing."""
    if np.isnan(p_holm) or p_holm >= 1 - confidence:
        return "inconclusive"
    return "better" if mean > 0 else "worse"
