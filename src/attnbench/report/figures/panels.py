"""A sheet of image panels: a column of text on the left, rows of square panels, a colour bar below."""

from collections.abc import Sequence
from textwrap import wrap

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from attnbench.records.views import Views
from attnbench.report.figures.scale import Array, Scale
from attnbench.report.figures.style import RED

GAP = 0.06  # inches between panels
ALPHA = 0.5  # of a heat map over its image
_LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601: how bright red, green and blue look
_EDGE = 0.08
_BAR = 0.62  # height of the strip with the colour bar


class Sheet:
    """A figure with `rows` rows of panels at fixed positions in inches, so that no label changes the size of a panel.

    `row` is the height of a row and of its panels, `text_width` that of the column of text, `widths` are the widths of
    the panels, `spaces` the extra room to the left of each panel, `heading_room` that for a heading above each panel.
    """

    def __init__(
        self,
        heading: str,
        title: str,
        *,
        rows: int,
        row: float,
        text_width: float,
        widths: Sequence[float],
        spaces: Sequence[float],
        heading_room: float = 0.0,
        heading_lines: int = 1,
    ) -> None:
        self.row, self.widths, self.text_width, self.heading_room = row, widths, text_width, heading_room
        steps = np.cumsum([0.0, *(width + GAP for width in widths[:-1])]) + np.cumsum(spaces)
        self.lefts = _EDGE + text_width + steps
        width = float(self.lefts[-1] + widths[-1] + _EDGE)
        room = int(width * 13.5)  # characters of 9 points, some to spare
        lines = [*wrap(heading, room), *wrap(title, room)]
        self.top = 0.2 + 0.15 * len(lines) + 0.14 * heading_lines + heading_room
        height = self.top + rows * (row + heading_room + GAP) - heading_room + _BAR
        self.figure = Figure(figsize=(width, height))
        self.width, self.height = width, height
        self.figure.suptitle("\n".join(lines), x=0.5, y=1 - 0.06 / height, va="top")

    def _bottom(self, index: int) -> float:
        return self.height - self.top - self.row - index * (self.row + self.heading_room + GAP)

    def panel(self, row: int, column: int, heading: str = "") -> Axes:
        """Return the axes of one panel, without ticks; `heading` is written directly above it."""
        box = (self.lefts[column], self._bottom(row), self.widths[column], self.row)
        ax = self.figure.add_axes(self._share(*box))
        ax.set_axis_off()
        if heading:
            ax.set_title(heading, fontsize=7, pad=1.5)
        return ax

    def label(self, row: int, lines: Sequence[str], *, bold: bool = False, wrong: bool = False) -> None:
        """Write lines to the left of a row; `bold` applies to the first, `wrong` writes the last in red."""
        centre = (self._bottom(row) + self.row / 2) / self.height
        for number, line in enumerate(lines):
            self.figure.text(
                (_EDGE + self.text_width - 0.1) / self.width,
                centre + ((len(lines) - 1) / 2 - number) * 0.135 / self.height,
                line,
                ha="right",
                va="center",
                fontsize=7.5,
                fontweight="bold" if bold and number == 0 else "normal",
                color=RED if wrong and number == len(lines) - 1 else "black",
            )

    def heading(self, first: int, last: int, text: str) -> None:
        """Write the heading of the columns `first` to `last` above the first row."""
        middle = (self.lefts[first] + self.lefts[last] + self.widths[last]) / 2
        bottom = self.height - self.top + self.heading_room + 0.05
        self.figure.text(middle / self.width, bottom / self.height, text, ha="center", va="bottom")

    def colour_bar(self, scale: Scale, colours: str, label: str, *, alpha: float = 1.0) -> None:
        """Draw the colour bar of the whole sheet below it."""
        length = min(3.2, 0.6 * self.width)
        ax = self.figure.add_axes(self._share((self.width - length) / 2, 0.42, length, 0.09))
        mappable = ScalarMappable(scale.norm(), matplotlib.colormaps[colours])
        bar = self.figure.colorbar(mappable, cax=ax, orientation="horizontal", alpha=alpha)
        bar.set_ticks(scale.ticks(), labels=tick_labels(scale.ticks()))
        bar.set_label(label, labelpad=1)
        bar.ax.tick_params(length=2, pad=1.5)
        bar.outline.set_linewidth(0.4)

    def _share(self, left: float, bottom: float, width: float, height: float) -> tuple[float, float, float, float]:
        return left / self.width, bottom / self.height, width / self.width, height / self.height


def tick_labels(values: Sequence[float]) -> list[str]:
    """Return numbers with the fewest digits, two or more, that make them different."""
    by_digits = [[f"{value:.{digits}g}" for value in values] for digits in range(2, 7)]
    return next((texts for texts in by_digits if len(set(texts)) == len(values)), by_digits[-1])


def short(name: str, length: int = 14) -> str:
    """Return a class name that fits to the left of a row."""
    return name if len(name) <= length else name[: length - 1] + "…"


def prediction(views: Views, image: int) -> list[str]:
    """Return the true and the predicted class in two lines, the latter with its probability."""
    true, predicted = views.classes[views.labels[image]], views.classes[views.predicted[image]]
    return [f"true: {short(true)}", f"pred.: {short(predicted)} {views.probability[image]:.2f}"]


def is_wrong(views: Views, image: int) -> bool:
    """Return whether the predicted class is not the true one."""
    return bool(views.labels[image] != views.predicted[image])


def picture(ax: Axes, views: Views, image: int) -> None:
    """Draw an input image of the network, before normalisation."""
    pixels = views.images[image].transpose(1, 2, 0)  # (h, w, c)
    if pixels.shape[2] != 3:  # grey images, or more channels than a screen has
        _grey(ax, pixels.mean(axis=2))
    else:
        ax.imshow(pixels, extent=(0, 1, 1, 0), interpolation="nearest")


def heat(ax: Axes, views: Views, image: int, map_: Array, scale: Scale, colours: str) -> None:
    """Draw a map (h, w) over the image in grey: over colours, values could not be read from the colour bar."""
    pixels = views.images[image]
    _grey(ax, np.tensordot(_LUMA, pixels, axes=1) if len(pixels) == 3 else pixels.mean(axis=0))
    values = map_.astype(np.float32)
    ax.imshow(values, extent=(0, 1, 1, 0), interpolation="bilinear", cmap=colours, norm=scale.norm(), alpha=ALPHA)


def _grey(ax: Axes, values: Array) -> None:
    ax.imshow(values, extent=(0, 1, 1, 0), cmap="gray", vmin=0, vmax=255, interpolation="nearest")


def outline(ax: Axes, views: Views, image: int) -> None:
    """Draw the outline of the object, if the views have its mask."""
    if views.masks is None:
        return
    mask = np.pad(views.masks[image].astype(np.float32), 1)
    height, width = views.masks[image].shape
    x, y = (np.arange(-1, width + 1) + 0.5) / width, (np.arange(-1, height + 1) + 0.5) / height
    if mask.any():
        ax.contour(x, y, mask, levels=[0.5], colors="white", linewidths=0.7)
        ax.set_xlim(0, 1)
        ax.set_ylim(1, 0)


def number(ax: Axes, x: float, y: float, value: int) -> None:
    """Write a channel's number into the corner of its map, readable on any colour."""
    text = ax.text(x, y, str(value), color="white", fontsize=6.5, ha="left", va="top")
    text.set_path_effects([withStroke(linewidth=1.4, foreground="black")])
