"""How all figures look and how they are saved: sizes for a paper's columns, one font, colour-blind-safe colours."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from attnbench.records import files

DOUBLE = 7.0  # inches: both columns of a paper
DPI = 120

# Okabe and Ito's palette without its yellow, which is too light for thin lines on white
BLUE, ORANGE, GREEN, RED = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PALETTE = (BLUE, ORANGE, GREEN, RED, "#56B4E9", "#CC79A7", "#8C6D31", "#000000", "#5B4B8A", "#7F7F7F")
GREY = "#8A8A8A"  # the baseline, where it is the background
LIGHT = "#D9D9D9"

_SETTINGS: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so the same everywhere
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.titlesize": 9,
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.2,
}


@contextmanager
def context() -> Iterator[None]:
    """Draw with these settings only: a user's matplotlibrc changes no figure, and is restored afterwards."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        yield


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure (inches) that arranges its axes without overlap when it is drawn."""
    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Figure, path: Path) -> None:
    """Write `figure` to `path` as PNG; an error while drawing leaves the old file.

    The bytes depend on the figure and on matplotlib's version only: the file has no date and no name of a program.
    """
    with context(), files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=DPI, metadata={"Software": None})
