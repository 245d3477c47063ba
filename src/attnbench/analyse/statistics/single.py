"""What one set of runs says by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class MeanStd:
    """Mean and spread of n values; the spread of one value is unknown (NaN)."""

    n: int
    mean: float
    std: float  # n - 1 in the denominator


def mean_std(values: ArrayLike) -> MeanStd:
    """Return mean and standard deviation of a one-dimensional set of values.

    Raises:
        ValueError: there is no value, or there is more than one axis.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"a mean needs one axis and at least one value; got shape {array.shape}")
    return MeanStd(array.size, float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else np.nan)


def prediction_interval(values: ArrayLike, confidence: float) -> tuple[float, float]:
    """Return low and high of Student's interval for one further value: mean +- t(n - 1) * std * sqrt(1 + 1 / n).

    Both are NaN for one value, and for values that are all equal: no spread seen is no estimate of the spread there is.

    Raises:
        ValueError: there is no value, or more than one axis, or `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1; got {confidence}")
    found = mean_std(values)
    if found.n < 2 or np.ptp(np.asarray(values)) == 0:
        return np.nan, np.nan
    half = float(stats.t.ppf((1 + confidence) / 2, found.n - 1)) * found.std * float(np.sqrt(1 + 1 / found.n))
    return found.mean - half, found.mean + half


def binomial_standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured on `images` independent test images: sqrt(a (1 - a) / m).

    It says how well these images pin down the accuracy on all images of their kind. Variants are tested on the
    same images, so it is no error of their difference.
    """
    if not 0 <= accuracy <= 1 or images < 1:
        raise ValueError(f"an accuracy lies in 0..1 and needs at least one image; got {accuracy} on {images}")
    return float(np.sqrt(accuracy * (1 - accuracy) / images))
