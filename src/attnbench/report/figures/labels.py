"""Names beside points that lie close together: no name covers another, a point or the edge of the panel."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from attnbench.report.figures.scale import Array
from attnbench.report.figures.style import GREY

_ANGLES = np.arange(24) / 24 * 2 * np.pi
_RADII = (4, 7, 11, 16, 22, 29, 37, 46, 56, 68, 82, 98, 116)  # points, from the marker to the nearest edge of the name
_LEADER = 9  # from this distance on, a thin line leads from the name to its point
_MARKER = 4.0  # half the side of the square that a marker is given, points
Box = tuple[float, float, float, float]  # left, bottom, right, top


def place(points: Array, sizes: Array, bounds: Box, obstacles: Sequence[Box] = ()) -> Array:
    """Return the lower left corners (n, 2) of the names of `points` (n, 2), whose `sizes` (n, 2) are given.

    Each name in turn, the most crowded point first, takes the nearest place where it covers no name, no marker and
    nothing outside `bounds`; `obstacles` (error bars) are avoided where that costs little. One unit throughout.
    """
    corners = np.zeros((len(points), 2))
    markers = [(x - _MARKER, y - _MARKER, x + _MARKER, y + _MARKER) for x, y in points]
    taken: list[Box] = []
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)  # (n, n)
    for index in np.argsort(np.sort(distances, axis=1)[:, :4].sum(axis=1), kind="stable"):
        candidates = _candidates(points[index], sizes[index])
        costs = [
            distance
            + 10 * (_covered(box, taken) + _covered(box, markers) + _outside(box, bounds))
            + 0.05 * _covered(box, obstacles)
            for distance, box in candidates
        ]
        _, best = candidates[int(np.argmin(costs))]
        corners[index] = best[:2]
        taken.append(best)
    return corners


def annotate(ax: Axes, x: Sequence[float], y: Sequence[float], names: Sequence[str], bars: Sequence[float]) -> None:
    """Write `names` beside the points (x, y) with error bars of half length `bars`; the axes must be in their place.

    Call it last: the places hold for the limits and the size that the axes have now.
    """
    figure = ax.figure
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    points_per_pixel = 72 / figure.dpi
    texts = [ax.text(0, 0, name, fontsize=7) for name in names]
    extents = [text.get_window_extent(renderer) for text in texts]
    sizes = np.array([(extent.width, extent.height) for extent in extents]) * points_per_pixel
    data = np.column_stack([x, y])
    centres = ax.transData.transform(data) * points_per_pixel
    ends = [ax.transData.transform(np.column_stack([x, np.add(y, np.multiply(sign, bars))])) for sign in (-1, 1)]
    obstacles = [
        (low[0] - 0.5, low[1], high[0] + 0.5, high[1])
        for low, high in zip(ends[0] * points_per_pixel, ends[1] * points_per_pixel, strict=True)
    ]
    window = ax.get_window_extent(renderer)
    left, bottom, right, top = (side * points_per_pixel for side in window.extents)
    corners = place(centres, sizes, (left, bottom, right, top), obstacles)
    for text in texts:
        text.remove()
    for name, point, centre, corner, size in zip(names, data, centres, corners, sizes, strict=True):
        middle = corner + size / 2 - centre
        gap = np.linalg.norm(np.maximum(np.abs(middle) - size / 2, 0))
        ax.annotate(
            name,
            (float(point[0]), float(point[1])),
            xytext=(float(middle[0]), float(middle[1])),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=7,
            path_effects=[withStroke(linewidth=2, foreground="white")],  # readable over a line
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
            if gap > _LEADER
            else None,
        )


def _candidates(point: Array, size: Array) -> list[tuple[float, Box]]:
    found = []
    for radius in _RADII:
        for angle in _ANGLES:
            direction = np.array([np.cos(angle), np.sin(angle)])
            # the centre of the name, so that its nearest edge lies about `radius` from the point
            centre = point + direction * (radius + size / 2)
            left, bottom = centre - size / 2
            found.append((float(radius), (left, bottom, left + size[0], bottom + size[1])))
    return found


def _covered(box: Box, others: Sequence[Box]) -> float:
    """Return the area of `box` that others cover."""
    if not others:
        return 0.0
    those = np.array(others)
    width = np.minimum(box[2], those[:, 2]) - np.maximum(box[0], those[:, 0])
    height = np.minimum(box[3], those[:, 3]) - np.maximum(box[1], those[:, 1])
    return float((np.maximum(width, 0) * np.maximum(height, 0)).sum())


def _outside(box: Box, bounds: Box) -> float:
    """Return the area of `box` outside `bounds`."""
    return (box[2] - box[0]) * (box[3] - box[1]) - _covered(box, [bounds])
