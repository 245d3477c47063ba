"""A sheet of square panels: rows of images, columns with a heading, in as many bands as the width of a page takes."""

from collections.abc import Sequence
from itertools import groupby
from math import ceil
from textwrap import fill
from typing import Any

import matplotlib
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from numpy.typing import NDArray

from attnbench.records.views import Views
from attnbench.report.figures import fonts, style

Array = NDArray[Any]
Box = tuple[float, float, float]  # left, top and side of a panel, in inches

HEAT = "turbo"  # jet's successor, over an image
_GAP, _LINE, _EDGE = 0.06, 0.16, 0.06
_NAMES = 1.15  # width of the column with the names of the images
_ROWS = 12  # of images, over all bands: more make a sheet too long to read
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue look
_UNDRAWABLE = "A class that no installed font draws has its number in alphabetical order; docs/images.md names fonts."


def _that_fit(rows: list[int], count: int) -> list[int]:
    """Return the first `count` rows, and one more if that is the second row of the last image."""
    kept, following = rows[:count], rows[count : count + 1]
    return kept + following if following == kept[-1:] else kept


class Sheet:
    """One axes whose unit is the inch. Every band has the inputs and their classes on the left.

    `columns` is the number of panels in a band, the input not counted, `largest` the side that a panel may have.
    Neighbours of one group have its name above their headings. `rows` are images by number, once or twice; images that
    would make the sheet too long are left out. `captions` leaves a line below each panel. `feet` are lines below all.
    """

    def __init__(
        self,
        views: Views,
        headings: Sequence[str],
        *,
        columns: int,
        rows: Sequence[int],
        largest: float = 1.15,
        groups: Sequence[str] = (),
        feet: Sequence[str] = (),
        captions: bool = False,
    ) -> None:
        self.views, self.columns = views, min(columns, len(headings))
        self._outlines: dict[int, list[Array]] = {}
        bands = ceil(len(headings) / self.columns)
        self.rows = _that_fit(list(rows), max(1, _ROWS // bands))
        self.side = min(largest, (style.WIDTH - _EDGE - _NAMES) / (self.columns + 1) - _GAP)
        self.headings = [wrapped(heading, self.side) for heading in headings]
        of_bands = [self.headings[first : first + self.columns] for first in range(0, len(headings), self.columns)]
        lines = [1 + max(heading.count("\n") for heading in band) for band in of_bands]
        # neighbours in one band that are of one group; bold letters are wider
        runs = groupby(range(len(groups)), key=lambda column: (column // self.columns, groups[column]))
        columns_of = [list(run) for _, run in runs]
        names = [wrapped(groups[run[0]], 0.9 * len(run) * self.side) for run in columns_of]
        lines_of_names = max((1 + name.count("\n") for name in names), default=0)
        self.step = self.side + _GAP + captions * _LINE
        bottom = 0.0
        self.tops: list[float] = []  # of the panels of each band
        for lines_of_band in lines:
            self.tops.append(bottom + _LINE * (lines_of_band + lines_of_names) + 0.12)
            bottom = self.tops[-1] + len(self.rows) * self.step + 0.08
        labels = {*views.labels[self.rows], *views.predicted[self.rows]}
        if any(fonts.families(views.classes[label]) is None for label in labels):
            feet = [*feet, _UNDRAWABLE]
        self.height = bottom + (len(feet) + 1) * _LINE
        self.figure = Figure(figsize=(style.WIDTH, self.height))
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.set_axis_off()
        self.axes.set(xlim=(0, style.WIDTH), ylim=(self.height, 0), autoscale_on=False)
        for line, text in enumerate(feet, start=1):
            self.text(_EDGE, bottom + line * _LINE, text, ha="left")
        for column, heading in enumerate(self.headings):
            left, top, side = self.box(column, 0)
            self.text(left + side / 2, top - 0.04, heading)
        for run, group in zip(columns_of, names, strict=True):
            first, last = self.box(run[0], 0), self.box(run[-1], 0)
            middle, above = (first[0] + last[0] + self.side) / 2, lines[run[0] // self.columns] * _LINE + 0.1
            self.text(middle, first[1] - above, group, fontweight="bold")
        for band in range(bands):
            for row, image in enumerate(self.rows):
                self._input(self.box(band * self.columns, row), image, again=image in self.rows[:row])

    def box(self, column: int, row: int) -> Box:
        """Return where the panel of a column and a row is."""
        band, right = divmod(column, self.columns)
        left = _EDGE + _NAMES + (right + 1) * (self.side + _GAP)
        return left, self.tops[band] + row * self.step, self.side

    def _input(self, first: Box, image: int, *, again: bool) -> None:
        """Draw the input and its class to the left of a row; only its class in the second row of an image."""
        left, top, side = first[0] - first[2] - _GAP, *first[1:]
        name, families = fonts.class_name(self.views.classes, self.views.labels[image])
        if again:
            left, name = left + side, f"for {name},\nthe true class"
        self.text(left - 0.08, top + side / 2, name, ha="right", va="center", fontfamily=families)
        pixels = self.views.images[image].transpose(1, 2, 0)  # (h, w, c)
        if again:
            return
        if pixels.shape[2] == 3:
            self.show((left, top, side), pixels)
        else:  # grey images, or more channels than a screen has
            self.show((left, top, side), pixels.mean(axis=2), cmap="gray", norm=Normalize(0, 255))

    def text(self, x: float, y: float, text: str, **looks: Any) -> None:
        """Write at a position in inches."""
        common: dict[str, Any] = {"fontsize": 8.5, "ha": "center", "va": "bottom", "linespacing": 1.1}
        self.axes.text(x, y, text, **common | looks)

    def show(self, box: Box, values: Array, **looks: Any) -> None:
        """Draw an image or a map (h, w) into a box, a square for each value."""
        left, top, side = box
        extent = (left, left + side, top + side, top)
        image = AxesImage(self.axes, extent=extent, interpolation="nearest", **looks)  # `imshow` rescales the axes
        image.set_data(values)
        self.axes.add_image(image)

    def heat(self, box: Box, image: int, values: Array) -> None:
        """Draw a map (h, w) >= 0 over the image, from 0 to its own largest value, and the object's outline.

        The image is in middle grey, so that a colour of the map looks alike on bright and on dark pixels.
        """
        pixels = self.views.images[image]
        grey = np.tensordot(_LUMA, pixels, axes=1) if len(pixels) == 3 else pixels.mean(axis=0)
        self.show(box, grey, cmap="gray", norm=Normalize(-128, 383))
        norm = Normalize(0, float(values.max()) or 1.0)
        self.show(box, values.astype(np.float32), cmap=HEAT, norm=norm, alpha=0.5)
        left, top, side = box
        outline = [side * line + (left, top) for line in self._outline(image)]
        self.axes.add_collection(LineCollection(outline, colors="white", linewidths=0.8), autolim=False)

    def _outline(self, image: int) -> list[Array]:
        """Return the closed lines (points, 2) around the object of an image, in fractions of a panel."""
        if image not in self._outlines:
            lines: list[Array] = []
            if self.views.masks is not None and self.views.masks[image].any():
                mask = np.pad(self.views.masks[image].astype(np.float32), 1)
                y, x = (np.clip((np.arange(length) - 0.5) / (length - 2), 0, 1) for length in mask.shape)
                lines = [np.asarray(line) for line in Figure().subplots().contour(x, y, mask, levels=[0.5]).allsegs[0]]
            self._outlines[image] = lines
        return self._outlines[image]

    def frame(self, box: Box) -> None:
        """Draw a thin line around a panel, which may be as white as the paper."""
        left, top, side = box
        self.axes.add_patch(Rectangle((left, top), side, side, fill=False, edgecolor=style.GREY, linewidth=0.5))

    def number(self, box: Box, value: int) -> None:
        """Write a channel's number into the corner of its map, readable on any colour."""
        effects = [withStroke(linewidth=1.4, foreground="black")]
        looks = {"color": "white", "fontsize": 7, "ha": "left", "va": "top", "path_effects": effects}
        self.text(box[0] + 0.03, box[1] + 0.03, str(value), **looks)

    def colour_bar(self, norm: Normalize, colours: str) -> None:
        """Draw a colour bar at the right end of the feet, which leave 2 inches to it."""
        width, height = 1.8 / style.WIDTH, 0.1 / self.height
        ax = self.figure.add_axes((1 - width - 0.2 / style.WIDTH, 0.2 / self.height, width, height))
        bar = self.figure.colorbar(
            ScalarMappable(norm, matplotlib.colormaps[colours]), cax=ax, orientation="horizontal"
        )
        bar.ax.tick_params(length=2, pad=1.5)


def wrapped(name: str, width: float) -> str:
    """Return a name broken after underscores into lines that fit into `width` inches; its own lines stay."""
    lines = (fill(line.replace("_", "_ "), max(4, int(15 * width))).replace("_ ", "_") for line in name.split("\n"))
    return "\n".join(lines)


def evenly(names: Sequence[str], count: int) -> list[str]:
    """Return at most `count` of the names, evenly spaced from the last towards the first."""
    chosen = np.linspace(len(names) - 1, 0, min(count, len(names))).round()
    return [names[int(index)] for index in chosen[::-1]]
