"""How far other test images would move a difference between variants.

All runs are tested on the same images, so every run of a variant repeats what these images happen to favour, and more
seeds do not average it out. Seeds and images are crossed: with x = c . correct, one number for each seed and image,

    MS_image = n * variance over images of the mean of x over seeds
    MS_error = residual mean square of x ~ seed + image
    V_img    = max(MS_image - MS_error, 0) / (n m)

is the variance of the mean difference that comes from drawing m images. V / n of `statistics.blocks` holds the rest,
because every seed was tested on these images.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from attnbench.analyse.statistics.blocks import Comparison, critical_value, verdict

_MOST_DEGREES = 200  # of freedom; beyond, a critical value falls by less than 1 %


def image_variances(correct: NDArray[np.bool_], contrasts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return V_img (k,) of contrasts (k, v); NaN for one seed or one image.

    Args:
        correct: (v, n, m) whether the run of a variant and seed classified a test image correctly.
        contrasts: (k, v) weights of the variants.
    """
    _, n, m = correct.shape
    if n < 2 or m < 2:
        return np.full(len(contrasts), np.nan)
    values = np.tensordot(contrasts, correct.astype(np.float64), axes=1)  # (k, n, m)
    by_image = values.mean(axis=1)  # (k, m)
    residuals = (
        values - by_image[:, None] - values.mean(axis=2, keepdims=True) + values.mean(axis=(1, 2), keepdims=True)
    )
    error = (residuals**2).sum(axis=(1, 2)) / ((n - 1) * (m - 1))
    return np.asarray(np.maximum(n * by_image.var(axis=1, ddof=1) - error, 0) / (n * m))


def for_other_images(
    comparison: Comparison,
    image_variance: float,
    contrasts: NDArray[np.float64],
    confidence: float,
    margin: float | None = None,
) -> Comparison:
    """Return a comparison whose interval is for other seeds and other test images.

    V_img is added to V / n, with Satterthwaite's degrees of freedom, nu ((V / n + V_img) / (V / n))^2, rounded down.
    These grow, so with few seeds the interval could become shorter; it is never shorter than that for other seeds.

    Args:
        comparison: of one contrast of the family, for other seeds.
        image_variance: V_img of the contrast.
        contrasts: (k, v) the family.
        confidence: of the family.
        margin: as in `block_comparisons`.
    """
    variance = comparison.standard_error**2
    if not variance + image_variance > 0:  # NaN: there is no interval to widen
        return comparison
    total = variance + image_variance
    satterthwaite = math.floor(comparison.degrees_of_freedom * (total / variance) ** 2)
    nu = max(comparison.degrees_of_freedom, min(satterthwaite, _MOST_DEGREES))
    half = max(critical_value(contrasts, nu, confidence) * total**0.5, comparison.high - comparison.difference)
    low, high = comparison.difference - half, comparison.difference + half
    return replace(
        comparison,
        standard_error=total**0.5,
        degrees_of_freedom=nu,
        low=low,
        high=high,
        verdict=verdict(low, high, margin),
    )
