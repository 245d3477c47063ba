"""How the variants learn: the baseline in black, variants without attention in grey."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from attnbench.report.figures import style

POINTS = 140  # per line; more cannot be seen at this size


@style.context()
def learning(epochs: pd.DataFrame, *, kinds: dict[str, str]) -> Figure:
    """Draw training and validation accuracy of the baseline per epoch, and how far the latter of others is above it.

    `epochs` has the columns variant, seed, epoch (counted from 1), train_accuracy and validation_accuracy (percent).
    Lines are means over the seeds. `kinds` is variant -> what it is. The differences of the first epochs, which are
    many times as large as those that remain, may lie outside the panel.
    """
    colours, (baseline,) = style.line_colours(kinds), (name for name, kind in kinds.items() if kind == "baseline")
    base = epochs.loc[epochs["variant"] == baseline, ["seed", "epoch", "validation_accuracy"]]
    frame = epochs.merge(base, on=["seed", "epoch"], suffixes=("", "_of_baseline"))
    frame["difference"] = frame["validation_accuracy"] - frame["validation_accuracy_of_baseline"]
    figure = style.new_figure(4.4)
    accuracy, difference = figure.subplots(1, 2)
    own = frame[frame["variant"] == baseline]
    _lines(accuracy, own, "epoch", "validation_accuracy", colours)
    _lines(accuracy, own, "epoch", "train_accuracy", colours, linestyle="--", linewidth=0.9)
    _lines(difference, frame, "epoch", "difference", colours)
    _leave_out_first(difference, frame)
    accuracy.set_ylabel(f"accuracy of {baseline}, %")
    difference.set_ylabel(f"validation accuracy, points above {baseline}")
    solid = Line2D([], [], color=style.BLACK, label="validation")
    dashed = Line2D([], [], color=style.BLACK, linestyle="--", linewidth=0.9, label="training, while it learns")
    accuracy.legend(handles=[solid, dashed], loc="lower right")
    _legend(figure, colours, kinds)
    return figure


@style.context()
def training_loss(steps: pd.DataFrame, *, kinds: dict[str, str]) -> Figure:
    """Draw the training loss: the mean over the seeds, faint at single steps, and strong smoothed (see `smoothed`).

    `steps` has the columns variant, seed, step (counted from 1) and loss.
    """
    colours, frame = style.line_colours(kinds), smoothed(steps)
    figure = style.new_figure(4.0)
    ax = figure.subplots()
    _lines(ax, frame, "step", "loss", colours, alpha=0.25, linewidth=0.5)
    _lines(ax, frame, "step", "smoothed", colours)
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.5, 2, 3, 5, 7)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_ylabel(f"training loss; strong lines:\nsmoothed over {_span(steps)} steps")
    _legend(figure, colours, kinds)
    return figure


def smoothed(steps: pd.DataFrame) -> pd.DataFrame:
    """Return the mean loss over the seeds, and `smoothed`: its exponentially weighted mean, at `POINTS` steps or fewer.

    The span is one fiftieth of the longest run; the first steps are corrected for the missing history.
    """
    frame = steps.groupby(["variant", "step"])["loss"].mean().reset_index()
    frame["smoothed"] = frame.groupby("variant")["loss"].transform(lambda loss: loss.ewm(span=_span(steps)).mean())
    shown = np.linspace(1, frame["step"].max(), POINTS).round()
    return frame.loc[frame["step"].isin(shown)]


def _span(steps: pd.DataFrame) -> int:
    return max(1, int(steps["step"].max()) // 50)


def _lines(ax: Axes, frame: pd.DataFrame, x: str, y: str, colours: dict[str, str], **looks: float | str) -> None:
    """Draw the mean over the seeds of every variant."""
    sns.lineplot(
        frame, x=x, y=y, hue="variant", hue_order=list(colours), palette=colours, errorbar=None, legend=False, ax=ax,
        **looks,
    )  # fmt: skip
    ax.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    ax.grid(axis="y")


def _leave_out_first(ax: Axes, frame: pd.DataFrame) -> None:
    """Let the y axis show all differences after the first quarter of the epochs; say so if others lie outside."""
    means = frame.groupby(["variant", "epoch"])["difference"].mean()
    later = means[means.index.get_level_values("epoch") > frame["epoch"].max() / 4]
    margin = 0.05 * (later.max() - later.min())
    low, high = later.min() - margin, later.max() + margin
    if low < high and (means.min() < low or means.max() > high):
        ax.set_ylim(low, high)
        ax.set_title("first epochs lie outside", loc="right", fontsize=8.5)


def _legend(figure: Figure, colours: dict[str, str], kinds: dict[str, str]) -> None:
    grey = [variant for variant, colour in colours.items() if colour == style.LIGHT]
    *names, baseline = (variant for variant in colours if variant not in grey)
    handles = [Line2D([], [], color=colours[name], label=name) for name in (baseline, *names)]
    if grey:
        has_modules = any(kinds[variant] == "attention" for variant in grey)
        rest = "other variants" if has_modules else "others without attention"
        handles.append(Line2D([], [], color=style.LIGHT, label=rest))
    columns = 120 // (7 + max(len(str(handle.get_label())) for handle in handles))  # what fits into the width
    figure.legend(handles=handles, loc="outside lower center", ncols=max(1, min(5, columns)))
