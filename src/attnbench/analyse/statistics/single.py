"""Statistics of one set of runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats


@dataclass(frozen=True)
class MeanStd:
    """Mean and standard deviation of n values; the standard deviation of one value is unknown (NaN)."""

    n: int
    mean: float
    std: float  # n - 1 in the denominator


def mean_std(values: ArrayLike) -> MeanStd:
    """Return the mean and standard deviation of values along one axis.

    Raises:
        ValueError: there is no value, or there is more than one axis.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"a mean needs one axis and at least one value; got shape {array.shape}")
    return MeanStd(array.size, float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else np.nan)


def prediction_interval(values: ArrayLike, confidence: float) -> tuple[float, float]:
    """Return low and high of Student's interval for one further value: mean +- t(n - 1) * std * sqrt(1 + 1 / n).

    Both are NaN for one value, and for values that are all equal: a spread of 0 does not estimate the true one.

    Raises:
        ValueError: there is no value, or more than one axis, or `confidence` is not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1; got {confidence}")
    sample = mean_std(values)
    if sample.n < 2 or np.ptp(np.asarray(values)) == 0:
        return np.nan, np.nan
    half = float(stats.t.ppf((1 + confidence) / 2, sample.n - 1)) * sample.std * float(np.sqrt(1 + 1 / sample.n))
    return sample.mean - half, sample.mean + half


def binomial_standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured on `images` independent test images: sqrt(a (1 - a) / m).

    It says how well these images determine the accuracy on all images of their kind. It is not the error of a
    difference between variants, which are tested on the same images.

    Raises:
        ValueError: the accuracy is outside 0..1, or there is no image.
    """
    if not 0 <= accuracy <= 1 or images < 1:
        raise ValueError(f"an accuracy lies in 0..1 and needs at least one image; got {accuracy} on {images}")
    return float(np.sqrt(accuracy * (1 - accuracy) / images))
