"""Statistics of one set of runs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True)
class MeanStd:
    """Mean and standard deviation of n values; the standard deviation of one value is unknown (NaN)."""

    n: int
    mean: float
    std: float  # n - 1 in the denominator; exactly 0 where all values are equal up to rounding


def mean_std(values: ArrayLike) -> MeanStd:
    """Return the mean and standard deviation of values along one axis; both are NaN if a value is.

    Raises:
        ValueError: there is no value, or an infinite one, or there is more than one axis.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"a mean needs one axis and at least one value; got shape {array.shape}")
    if np.isinf(array).any():
        raise ValueError("a mean needs finite values; got an infinite one")
    if array.size == 1:
        return MeanStd(1, float(array[0]), np.nan)
    std = 0.0 if are_equal(array) else float(array.std(ddof=1))
    return MeanStd(array.size, float(array.mean()), std)


def are_equal(values: NDArray[np.float64]) -> bool:
    """Return whether all values are equal up to rounding: a few units in the last place of the largest."""
    return bool(np.ptp(values) <= 8 * np.finfo(np.float64).eps * np.abs(values).max())


def mean_interval(values: ArrayLike, confidence: float) -> tuple[float, float]:
    """Return low and high of Student's interval for the mean: mean +- t(n - 1) * std * sqrt(1 / n).

    Both are NaN for one value, for values that are all equal, since a spread of 0 does not estimate the true one, and
    if a value is NaN.

    Raises:
        ValueError: there is no value, or an infinite one, or `confidence` is not between 0 and 1.
    """
    return _student(values, confidence, further=0)


def prediction_interval(values: ArrayLike, confidence: float) -> tuple[float, float]:
    """Return low and high of Student's interval for one further value: mean +- t(n - 1) * std * sqrt(1 + 1 / n).

    Both are NaN where those of `mean_interval` are, and the errors are the same.
    """
    return _student(values, confidence, further=1)


def _student(values: ArrayLike, confidence: float, *, further: int) -> tuple[float, float]:
    """Return mean +- t(n - 1) * std * sqrt(further + 1 / n)."""
    if not 0 < confidence < 1:
        raise ValueError(f"a confidence lies between 0 and 1; got {confidence}")
    sample = mean_std(values)
    if not sample.std > 0:  # 0, or NaN
        return np.nan, np.nan
    t = float(stats.t.ppf((1 + confidence) / 2, sample.n - 1))
    half = t * sample.std * float(np.sqrt(further + 1 / sample.n))
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
