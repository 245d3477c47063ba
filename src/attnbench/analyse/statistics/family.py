"""A family of comparisons: Holm's correction, and the verdicts that follow from it."""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from statsmodels.stats.multitest import multipletests

Verdict = Literal["better", "worse", "inconclusive"]


def holm(p: ArrayLike) -> NDArray[np.float64]:
    """Return Holm's adjusted p values of a family of comparisons.

    NaN (a comparison without a p value) stays NaN but counts as a member: the family is what was compared, and
    dropping a member would make the other p values too small.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Statist. 6 (1979).
    """
    values = np.atleast_1d(np.asarray(p, dtype=np.float64))
    if values.size == 0:
        return values
    unknown = np.isnan(values)
    _, adjusted, _, _ = multipletests(np.where(unknown, 1.0, values), method="holm")
    return np.where(unknown, np.nan, adjusted)


def verdict(mean: float, p_holm: float, confidence: float) -> Verdict:
    """Return the verdict on a mean difference at `confidence`; without a p value (NaN) it is inconclusive."""
    if np.isnan(p_holm) or p_holm >= 1 - confidence:
        return "inconclusive"
    return "better" if mean > 0 else "worse"
