"""What one set of runs says by itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike


@dataclass(frozen=True)
class Spread:
    """Mean and spread of n values; the spread of one value is unknown (NaN)."""

    n: int
    mean: float
    std: float  # n - 1 in the denominator


def spread(values: ArrayLike) -> Spread:
    """Return mean and standard deviation of a one-dimensional set of values.

    Raises:
        ValueError: there is no value, or there is more than one axis.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"a mean needs one axis and at least one value; got shape {array.shape}")
    return Spread(array.size, float(array.mean()), float(array.std(ddof=1)) if array.size > 1 else np.nan)


def binomial_standard_error(accuracy: float, images: int) -> float:
    """Return the standard error of an accuracy measured on `images` independent test images: sqrt(a (1 - a) / m).

    It says how well these images pin down the accuracy on all images of their kind. Variants are tested on the
    same images, so it is no error of their difference.
    """
    if not 0 <= accuracy <= 1 or images < 1:
        raise ValueError(f"an accuracy lies in 0..1 and needs at least one image; got {accuracy} on {images}")
    return float(np.sqrt(accuracy * (1 - accuracy) / images))
