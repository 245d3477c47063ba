"""Saving a figure as PNG: the same bytes for the same figure, all or nothing."""

from pathlib import Path

from matplotlib.figure import Figure

from attnbench.records import files
from attnbench.report.figures import style


def save(figure: Figure, path: Path) -> None:
    """Write `figure` to `path`; any error while drawing leaves what was there before.

    The bytes are those of the figure and of matplotlib's version: the file says neither when nor by what it was made.
    """
    with style.context(), files.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=style.DPI, metadata={"Software": None})
