"""Textured backgrounds and distractors that look like pieces of shapes: they make the generated images hard."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.data.outlines import OUTLINES, Grid

Numbers = NDArray[np.float32]  # (n,), one per image


@dataclass(frozen=True)
class Pose:
    """The position, rotation and scale of a shape in each of n images."""

    x: Numbers  # centre, pixels
    y: Numbers
    cosine: Numbers  # of the rotation
    sine: Numbers
    scale: Numbers  # pixels per unit of the outlines

    def local(self, size: int) -> tuple[Grid, Grid]:
        """Return the pixel centres of a size x size image in the shape's own units."""
        pixels = np.arange(size, dtype=np.float32) + np.float32(0.5)
        right: Grid = (pixels[None, None, :] - _column(self.x)) / _column(self.scale)  # (n, 1, size)
        down: Grid = (pixels[None, :, None] - _column(self.y)) / _column(self.scale)  # (n, size, 1)
        cosine, sine = _column(self.cosine), _column(self.sine)
        across: Grid = right * cosine + down * sine  # (n, size, size)
        along: Grid = down * cosine - right * sine
        return across, along


def _column(values: NDArray[Any]) -> NDArray[Any]:
    return values[:, None, None]


def uniform(generator: np.random.Generator, low: float, high: float, shape: int | tuple[int, ...]) -> Numbers:
    """Draw float32 numbers from [low, high)."""
    drawn: Numbers = generator.random(shape, dtype=np.float32) * np.float32(high - low) + np.float32(low)
    return drawn


def rotation(generator: np.random.Generator, count: int, limit: float = np.pi) -> tuple[Numbers, Numbers]:
    """Draw cosine and sine of angles in [-limit, limit) radians.

    Computed in double precision and rounded, since the last bit of a cosine differs between machines.
    """
    angle = (2 * generator.random(count) - 1) * limit
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)


def coverage(distance: Grid) -> Grid:
    """Return the fraction of each pixel that is inside, 0..1, from its distance in pixels."""
    share: Grid = np.minimum(np.maximum(np.float32(0.5) - distance, np.float32(0)), np.float32(1))
    return share


def outlines_of(labels: NDArray[np.int64], pose: Pose, size: int) -> Grid:
    """Return the distance of each pixel, in pixels, to the outline of the image's shape."""
    x, y = pose.local(size)
    distance = np.empty_like(x)
    for label, outline in enumerate(OUTLINES.values()):
        rows = np.flatnonzero(labels == label)
        distance[rows] = outline(x[rows], y[rows])
    distance *= _column(pose.scale)
    return distance


def texture(generator: np.random.Generator, count: int, size: int, cells: int) -> Grid:
    """Draw smooth random fields of values in [-1, 1): a coarse grid of `cells` x `cells`, interpolated linearly."""
    knots = uniform(generator, -1, 1, (count, cells + 1, cells + 1))
    at = (np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(cells / size)
    low = at.astype(np.int64)
    share = at - low.astype(np.float32)
    rows = knots[:, low] * (1 - share)[None, :, None] + knots[:, low + 1] * share[None, :, None]
    field: Grid = rows[:, :, low] * (1 - share) + rows[:, :, low + 1] * share  # (n, size, size)
    return field


def fragment(generator: np.random.Generator, count: int, size: int, scale: tuple[float, float]) -> Grid:
    """Draw half of a random shape per image, cut along a line through its centre, and return its coverage."""
    labels = generator.integers(len(OUTLINES), size=count)
    pose = scattered(generator, count, size, scale)
    cut = pose.local(size)[0] * _column(pose.scale)
    whole = outlines_of(labels, scattered_like(generator, pose), size)
    return coverage(np.maximum(outlined(generator, whole), cut))


def bar(generator: np.random.Generator, count: int, size: int, half_length: float) -> Grid:
    """Draw one thin bar per image, of random length and direction, and return its coverage."""
    x, y = scattered(generator, count, size, (1, 1)).local(size)  # in pixels
    length, width = uniform(generator, 2, half_length, count), uniform(generator, 0.4, 1.2, count)
    return coverage(np.maximum(np.abs(x) - _column(length), np.abs(y) - _column(width)))


def scattered(generator: np.random.Generator, count: int, size: int, scale: tuple[float, float]) -> Pose:
    """Draw poses anywhere in the image."""
    return Pose(
        uniform(generator, 0, size, count),
        uniform(generator, 0, size, count),
        *rotation(generator, count),
        uniform(generator, *scale, count),
    )


def scattered_like(generator: np.random.Generator, pose: Pose) -> Pose:
    """Return the same positions and scales with new rotations."""
    return Pose(pose.x, pose.y, *rotation(generator, len(pose.x)), pose.scale)


def outlined(generator: np.random.Generator, distance: Grid) -> Grid:
    """Leave about half of the shapes filled, and reduce the others to a stroke along their edge."""
    half_stroke = uniform(generator, 0.6, 1.1, len(distance))
    stroke = np.abs(distance + _column(half_stroke)) - _column(half_stroke)
    is_filled = generator.random(len(distance)) < 0.5
    return np.where(_column(is_filled), distance, stroke)
