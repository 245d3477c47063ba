"""Names next to points that lie close together: no name covers another name, a point or the edge of the panel.

Each name in turn takes the nearest free position of a fixed grid around its point: deterministic, and better than
the layout of the library adjustText, which covers points and puts some names closer to the wrong point.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from attnbench.report.figures.style import GREY

Array = NDArray[np.floating]

# positions around a point, the nearest first; distances from the point to the nearest edge of the name
_DISTANCES = np.repeat([4, 7, 11, 16, 22, 29, 37, 46, 56, 68, 82, 98, 116], 24)  # (312,), typographic points
_ANGLES = np.tile(np.arange(24) / 24 * 2 * np.pi, 13)
_DIRECTIONS = np.column_stack([np.cos(_ANGLES), np.sin(_ANGLES)])  # (312, 2)
_LEADER = 9  # from this distance on, a thin line leads from the name to its point
_MARKER = 4.0  # half the side of the square that a marker covers


def annotate(ax: Axes, points: Array, names: Sequence[str]) -> None:
    """Write `names` next to `points` (n, 2), in data coordinates. Limits and size of `ax` must be final."""
    figure = ax.figure
    assert isinstance(figure, Figure)
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[no-untyped-call]
    points_per_pixel = 72 / figure.dpi
    texts = [ax.text(0, 0, name, fontsize=8.5) for name in names]
    sizes = np.array([text.get_window_extent(renderer).size for text in texts]) * points_per_pixel
    for text in texts:
        text.remove()
    panel = np.array(ax.get_window_extent(renderer).extents) * points_per_pixel
    offsets = positions(ax.transData.transform(points) * points_per_pixel, sizes, panel)
    for name, point, offset, size in zip(names, points, offsets, sizes, strict=True):
        is_far = np.linalg.norm(np.maximum(np.abs(offset) - size / 2, 0)) > _LEADER
        ax.annotate(
            name,
            (float(point[0]), float(point[1])),
            xytext=(float(offset[0]), float(offset[1])),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8.5,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8},  # readable over a line
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.5, "shrinkA": 0, "shrinkB": 2}
            if is_far
            else None,
        )


def positions(points: Array, sizes: Array, panel: Array) -> Array:
    """Return the offsets (n, 2) from `points` (n, 2) to the centres of their names, whose `sizes` (n, 2) are given.

    `panel` is left, bottom, right, top; the unit is the same throughout. The most crowded point comes first. A name
    that fits nowhere takes the position where it covers least.
    """
    distances = np.linalg.norm(points[:, None] - points[None], axis=2)  # (n, n)
    crowding = np.sort(distances, axis=1)[:, :4].sum(axis=1)
    covered = np.hstack([points - _MARKER, points + _MARKER])  # (k, 4): markers and placed names
    offsets = np.zeros_like(points)
    for index in np.argsort(crowding, kind="stable"):
        size = sizes[index]
        candidates = _DIRECTIONS * (_DISTANCES[:, None] + size / 2)  # (312, 2)
        boxes = np.hstack([points[index] + candidates - size / 2, points[index] + candidates + size / 2])  # (312, 4)
        outside = size.prod() - _overlap(boxes, panel[None])
        best = np.argmin(_DISTANCES + 10 * (_overlap(boxes, covered) + outside))
        offsets[index] = candidates[best]
        covered = np.vstack([covered, boxes[best]])
    return offsets


def _overlap(boxes: Array, others: Array) -> Array:
    """Return the area that `others` (k, 4) cover of each of the `boxes` (m, 4)."""
    low = np.maximum(boxes[:, None, :2], others[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    area: Array = np.maximum(high - low, 0).prod(axis=2).sum(axis=1)
    return area
