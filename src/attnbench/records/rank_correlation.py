"""Spearman's rank correlation between maps of the same images."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats


def rank_correlation(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return the correlation (n,) between two maps (n, h, w) of each image, -1..1; 0 where a map is constant."""
    products: NDArray[np.float64] = standardised_ranks(first) * standardised_ranks(second)
    return np.asarray(products.sum(1).clip(-1, 1))  # rounding may go beyond


def standardised_ranks(maps: NDArray[Any]) -> NDArray[np.float64]:
    """Return ranks (n, h w) of mean 0 and norm 1, whose products sum to the correlation.

    The ranks of a constant map are zeros: it orders nothing, so it agrees with no other.
    """
    ranks = stats.rankdata(maps.reshape(len(maps), -1), axis=1)
    ranks -= ranks.mean(1, keepdims=True)
    norm = np.linalg.norm(ranks, axis=1, keepdims=True)
    return np.asarray(np.divide(ranks, norm, out=np.zeros_like(ranks), where=norm > 0))
