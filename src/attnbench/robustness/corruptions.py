"""Corruptions of images, each at five severities.

For pixels x in 0..1. Formulas and constants of CIFAR-10-C (Hendrycks and Dietterich 2019, arXiv:1903.12261; the file
make_cifar_c.py of the authors):

    gaussian_noise   x + N(0, s^2)                                             s = 0.04, 0.06, 0.08, 0.09, 0.1
    gaussian_blur    Gaussian of s pixels, cut at 4 s, edge pixels repeated    s = 0.4, 0.6, 0.7, 0.8, 1
    contrast         m + s (x - m), m the mean of each channel                 s = 0.75, 0.5, 0.4, 0.3, 0.15
    brightness       the value v = max over channels of HSV raised by s        s = 0.05, 0.1, 0.15, 0.2, 0.3
    jpeg             JPEG of quality s                                         s = 80, 65, 58, 50, 40

Two that CIFAR-10-C does not have:

    occlusion        a square of side s, relative to the shorter side of the image, somewhere inside it, takes its mean
                     colour (like cutout, arXiv:1708.04552)                    s = 0.2, 0.3, 0.4, 0.5, 0.6
    rotation         by s degrees to either side, bilinear, mirrored edges     s = 6, 12, 18, 24, 30

Values are clipped to 0..1 and rounded down to 255 levels, as the authors store theirs.

Differs from CIFAR-10-C: the constants of 32 x 32 images serve every size, while the authors have others for larger
images; the random numbers are others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

Pixels = NDArray[np.float64]  # (n, c, h, w), 0..1
Function = Callable[[Pixels, float, np.random.Generator], Pixels]


@dataclass(frozen=True)
class Corruption:
    """A function of pixels, strength and random numbers, and its strengths from severity 1 to 5."""

    function: Function
    strengths: tuple[float, float, float, float, float]

    def __call__(self, images: NDArray[np.uint8], severity: int, random: np.random.Generator) -> NDArray[np.uint8]:
        """Return the corrupted images, uint8 (n, c, h, w), at a severity from 1 to 5."""
        pixels = self.function(images / 255, self.strengths[severity - 1], random)
        return (255 * pixels.clip(0, 1)).astype(np.uint8)


def _gaussian_noise(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    return x + s * random.standard_normal(x.shape)


def _gaussian_blur(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    return np.asarray(ndimage.gaussian_filter(x, s, axes=(2, 3), mode="nearest", truncate=4))


def _contrast(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    mean: Pixels = x.mean((2, 3), keepdims=True)
    return (x - mean) * s + mean


def _brightness(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    """Hue and saturation stay, so all channels are multiplied alike; black has neither and becomes grey."""
    value: Pixels = x.max(1, keepdims=True)  # (n, 1, h, w)
    raised = (value + s).clip(max=1)
    return np.where(value > 0, x * (raised / np.where(value > 0, value, 1)), raised)


def _jpeg(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    return np.stack([_jpeg_of(image, round(s)) for image in np.rint(255 * x).astype(np.uint8)]) / 255


def _jpeg_of(image: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    file = BytesIO()
    # Pillow has grey and colour images; (h, w) and (h, w, 3)
    Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0)).save(file, "JPEG", quality=quality)
    with Image.open(file) as read:
        return np.asarray(read).reshape(*image.shape[1:], len(image)).transpose(2, 0, 1)


def _occlusion(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    n, _, h, w = x.shape
    side = round(s * min(h, w))
    top = random.integers(0, h - side + 1, n)[:, None, None]
    left = random.integers(0, w - side + 1, n)[:, None, None]
    row, column = np.arange(h)[:, None], np.arange(w)
    covered = (row >= top) & (row < top + side) & (column >= left) & (column < left + side)  # (n, h, w)
    return np.where(covered[:, None], x.mean((2, 3), keepdims=True), x)


def _rotation(x: Pixels, s: float, random: np.random.Generator) -> Pixels:
    to_the_left = random.integers(0, 2, len(x)) == 1  # (n,)
    rotated = np.empty_like(x)
    for rows, angle in ((to_the_left, s), (~to_the_left, -s)):
        rotated[rows] = ndimage.rotate(x[rows], angle, axes=(3, 2), reshape=False, order=1, mode="mirror")
    return rotated


# by the fields of `records.robustness.Corrupted`
CORRUPTIONS = {
    "gaussian_noise": Corruption(_gaussian_noise, (0.04, 0.06, 0.08, 0.09, 0.1)),
    "gaussian_blur": Corruption(_gaussian_blur, (0.4, 0.6, 0.7, 0.8, 1)),
    "contrast": Corruption(_contrast, (0.75, 0.5, 0.4, 0.3, 0.15)),
    "brightness": Corruption(_brightness, (0.05, 0.1, 0.15, 0.2, 0.3)),
    "jpeg": Corruption(_jpeg, (80, 65, 58, 50, 40)),
    "occlusion": Corruption(_occlusion, (0.2, 0.3, 0.4, 0.5, 0.6)),
    "rotation": Corruption(_rotation, (6, 12, 18, 24, 30)),
}
