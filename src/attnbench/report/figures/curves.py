"""Learning curves: one small panel per variant, with the baseline in grey.

Twelve lines in one panel cannot be distinguished; one line against the grey one can.
"""

from math import ceil
from textwrap import fill
from typing import Literal

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from attnbench.report.figures import style

COLUMNS = 4
POINTS = 400  # per line; more cannot be seen at this size
_MEAN, _SEED, _FAINT = 1.3, 0.5, 0.45

# label of a panel -> columns that it draws -> style of the line
Panels = dict[str, dict[str, str]]


@style.context()
def learning_curves(epochs: pd.DataFrame, baseline: str, title: str) -> Figure:
    """Draw validation accuracy, and training and validation loss, per variant over the epochs.

    `epochs` has the columns variant, seed, epoch (counted from 1), train_loss, validation_accuracy (in percent) and
    validation_loss. Thick: mean over the seeds, thin: every seed.
    """
    panels = {
        "validation\naccuracy, %": {"validation_accuracy": "-"},
        "loss": {"validation_loss": "-", "train_loss": ":"},
    }
    figure = _multiples(epochs, baseline, f"Learning curves: {title}", panels, "epoch")
    _legend(figure, baseline, epochs, {"loss: validation": "-", "loss: training": ":"})
    return figure


@style.context()
def iteration_loss(iterations: pd.DataFrame, baseline: str, title: str) -> Figure:
    """Draw the training loss of every step per variant, smoothed (see `smoothed`).

    `iterations` has the columns variant, seed, step (counted from 1) and loss. Thick: mean over the seeds, thin: every
    seed.
    """
    frame = smoothed(iterations)
    heading = f"Training loss of every step, smoothed over {_span(iterations)} steps: {title}"
    figure = _multiples(frame, baseline, heading, {"loss": {"smoothed": "-"}}, "step")
    _legend(figure, baseline, frame, {})
    return figure


def smoothed(iterations: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with a column `smoothed`, the exponentially weighted mean, at most `POINTS` steps of each.

    The span is one fiftieth of the longest run; the first steps are corrected for the missing history.
    """
    ordered = iterations.sort_values("step", kind="stable")
    span = _span(iterations)
    means = ordered.groupby(["variant", "seed"])["loss"].transform(lambda loss: loss.ewm(span=span).mean())
    frame = ordered.assign(smoothed=means)
    steps = np.sort(frame["step"].unique())
    kept = steps[np.unique(np.linspace(0, len(steps) - 1, POINTS).round().astype(int))]
    return frame[frame["step"].isin(kept)].sort_index()  # the original order of the runs


def _span(iterations: pd.DataFrame) -> int:
    return max(1, int(iterations["step"].max()) // 50)


def _multiples(frame: pd.DataFrame, baseline: str, title: str, panels: Panels, x: str) -> Figure:
    """Return a grid of variants, each with its panels one above the other, over the column `x`."""
    variants = list(frame["variant"].unique())
    columns = min(COLUMNS, len(variants))
    rows = ceil(len(variants) / columns)
    figure = style.new_figure(style.DOUBLE, 0.8 + rows * (0.45 + 1.05 * len(panels)))
    figure.suptitle(fill(title, 95))
    axes = figure.subplots(rows * len(panels), columns, sharex=True, sharey=False, squeeze=False)
    for index, variant in enumerate(variants):
        row, column = divmod(index, columns)
        for offset, (label, lines) in enumerate(panels.items()):
            ax = axes[row * len(panels) + offset, column]
            _draw(ax, frame[frame["variant"] == baseline], x, lines, style.GREY, variant == baseline)
            if variant != baseline:
                _draw(ax, frame[frame["variant"] == variant], x, lines, style.BLUE, True)
            _dress(ax, label if column == 0 else "", variant if offset == 0 else "")
            # the last panel of a column labels the axis, even if the row below is not full
            is_last = offset == len(panels) - 1 and index + columns >= len(variants)
            ax.set_xlabel(x if is_last else "")
            ax.tick_params(labelbottom=is_last, labelleft=column == 0)
    for ax in axes.flat:
        ax.set_visible(bool(ax.lines))
    for offset in range(len(panels)):
        _share_y([ax for ax in axes[offset :: len(panels)].flat if ax.get_visible()])
    return figure


def _draw(ax: Axes, runs: pd.DataFrame, x: str, lines: dict[str, str], colour: str, seeds: bool) -> None:
    """Draw the mean of the runs of one variant, and each seed as a thin line if `seeds`."""
    for y, dashes in lines.items():
        common = {"x": x, "y": y, "color": colour, "linestyle": dashes, "legend": False, "ax": ax}
        if seeds:
            sns.lineplot(runs, units="seed", estimator=None, linewidth=_SEED, alpha=_FAINT, **common)
        sns.lineplot(runs, errorbar=None, linewidth=_MEAN, **common)


def _dress(ax: Axes, label: str, title: str) -> None:
    ax.set_ylabel(label)
    if title:
        ax.set_title(title, fontweight="bold", pad=3, fontsize=min(8, 190 / len(title)))  # fits a panel
    ax.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
    ax.grid(axis="y")


def _share_y(axes: list[Axes]) -> None:
    """Set the same range for all panels of one kind, so that they can be compared across the page."""
    limits = np.array([ax.get_ylim() for ax in axes])
    for ax in axes:
        ax.set_ylim(limits[:, 0].min(), limits[:, 1].max())


def _legend(figure: Figure, baseline: str, frame: pd.DataFrame, dashes: dict[str, Literal["-", ":"]]) -> None:
    seeds = frame["seed"].nunique()
    handles = [
        Line2D([], [], color=style.BLUE, linewidth=_MEAN, label=f"variant, mean of {seeds} seeds"),
        Line2D([], [], color=style.BLUE, linewidth=_SEED, alpha=_FAINT, label="each seed"),
        Line2D([], [], color=style.GREY, linewidth=_MEAN, label=f"{baseline}, mean"),
        *(Line2D([], [], color="black", linestyle=dash, label=name) for name, dash in dashes.items()),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
