"""Ten plane shapes as signed distances: negative inside, zero on the edge, positive outside.

Each combines a few half planes, discs and boxes by minimum and maximum. All have the same area, and the mirror image of
each is of the same class. Pixels are computed with correctly rounded operations only, so their bits are the same on
every machine.
"""

from collections.abc import Callable
from math import cos, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

Grid = NDArray[np.float32]  # (n, h, w)
Outline = Callable[[Grid, Grid], Grid]  # x (right) and y (down) -> distance, in the shape's own unit

AREA = 2.0  # of every shape, in its own unit squared, so that size does not depend on the class


def _half_planes(x: Grid, y: Grid, corners: int, inradius: float) -> list[Grid]:
    """Distances to the sides of a regular polygon around the origin."""
    angles = [pi / 2 + 2 * pi * corner / corners for corner in range(corners)]
    return [x * np.float32(cos(angle)) + y * np.float32(sin(angle)) - np.float32(inradius) for angle in angles]


def _polygon(corners: int) -> Outline:
    inradius = sqrt(AREA / (corners * _tan(pi / corners)))

    def outline(x: Grid, y: Grid) -> Grid:
        return _largest(_half_planes(x, y, corners, inradius))

    return outline


def _tan(angle: float) -> float:
    return sin(angle) / cos(angle)


def _largest(distances: list[Grid]) -> Grid:
    largest = distances[0]
    for distance in distances[1:]:
        largest = np.maximum(largest, distance)
    return largest


def _disc(x: Grid, y: Grid, radius: float) -> Grid:
    return np.sqrt(x * x + y * y) - np.float32(radius)


def _box(x: Grid, y: Grid, half_width: float, half_height: float) -> Grid:
    return np.maximum(np.abs(x) - np.float32(half_width), np.abs(y) - np.float32(half_height))


def circle(x: Grid, y: Grid) -> Grid:
    """A disc."""
    return _disc(x, y, sqrt(AREA / pi))


def crescent(x: Grid, y: Grid) -> Grid:
    """A disc without the part that a smaller disc covers."""
    return np.maximum(_disc(x - np.float32(0.35), y, 1.1), -_disc(x - np.float32(1.0), y, 0.881))


def cross(x: Grid, y: Grid) -> Grid:
    """A plus sign with arms as long as wide."""
    arm = sqrt(AREA / 5) / 2
    return np.minimum(_box(x, y, 3 * arm, arm), _box(x, y, arm, 3 * arm))


def diamond(x: Grid, y: Grid) -> Grid:
    """A rhombus twice as long as wide."""
    half_width = sqrt(AREA) / 2
    slope = np.float32(2 / sqrt(5))
    distance: Grid = (np.abs(x) + np.abs(y) * np.float32(0.5) - np.float32(half_width)) * slope
    return distance


def arrow(x: Grid, y: Grid) -> Grid:
    """A triangular head on a shaft, pointing along x."""
    slope = np.float32(1 / sqrt(2))
    head: Grid = np.maximum((np.abs(y) + x - np.float32(1.2)) * slope, -x)
    return np.minimum(head, _box(x + np.float32(0.6), y, 0.6, 0.233))


def heart(x: Grid, y: Grid) -> Grid:
    """A square on its corner, with a disc on each of the two upper sides."""
    side = sqrt(AREA / (1 + pi / 4))
    turn = np.float32(sqrt(0.5))
    along, across = (x + y) * turn, (x - y) * turn
    square = _box(along, across, side / 2, side / 2)
    left = _disc(along + np.float32(side / 2), across, side / 2)
    right = _disc(along, across - np.float32(side / 2), side / 2)
    return np.minimum(square, np.minimum(left, right))


def hourglass(x: Grid, y: Grid) -> Grid:
    """Two triangles that touch at their tips."""
    slope = np.float32(1 / sqrt(2))
    return np.maximum((np.abs(x) - np.abs(y)) * slope, np.abs(y) - np.float32(sqrt(AREA / 2)))


def star(x: Grid, y: Grid) -> Grid:
    """A pentagram: inside at least four of the five sides of a pentagon, so the second largest distance counts."""
    inradius = sqrt(AREA / (5 * _tan(pi / 5) * (1 + sqrt(5))))  # 1 + sqrt(5): pentagram to inner pentagon
    first, *others = _half_planes(x, y, 5, inradius)
    second = np.full_like(first, -np.inf)
    for distance in others:
        second = np.maximum(second, np.minimum(first, distance))
        first = np.maximum(first, distance)
    return second


OUTLINES: dict[str, Outline] = {
    "arrow": arrow,
    "circle": circle,
    "crescent": crescent,
    "cross": cross,
    "diamond": diamond,
    "heart": heart,
    "hourglass": hourglass,
    "square": _polygon(4),
    "star": star,
    "triangle": _polygon(3),
}
