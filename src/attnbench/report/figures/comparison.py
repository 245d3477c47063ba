"""Variants against the baseline: how much better or worse, and at what price."""

from dataclasses import dataclass
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from attnbench.report.figures import labels, style


@style.context()
def difference_forest(
    differences: pd.DataFrame,
    seeds: pd.DataFrame,
    *,
    baseline: str,
    confidence: float,
    title: str,
    than: str = "the baseline",
) -> Figure:
    """Draw per variant the mean difference to the baseline with its interval, and every seed as a point.

    `than` names, in the label of the axis, what a variant is compared with.

    `differences` has the columns variant, difference, low, high, verdict; `seeds` has variant, seed, difference; all
    in percentage points. Rows are sorted, the largest mean on top. An interval of NaN (one seed) is left out. Grey
    where the verdict is that nothing can be decided, blue elsewhere.
    """
    rows = differences.sort_values(["difference", "variant"], ascending=[True, False]).reset_index(drop=True)
    figure = style.new_figure(style.DOUBLE, 1.15 + 0.3 * len(rows))
    figure.suptitle(fill(f"Test accuracy against {baseline}: {title}", 95))
    ax = figure.subplots()
    ax.axvline(0, color="black", linewidth=0.8)
    for place, (_, row) in enumerate(rows.iterrows()):
        ax.plot([row["low"], row["high"]], [place, place], color=_colour(row), linewidth=1.6, solid_capstyle="butt")
        ax.plot(row["difference"], place, "D", color=_colour(row), markersize=5, zorder=4)
        points = seeds.loc[seeds["variant"] == row["variant"]].sort_values("seed")["difference"].to_numpy()
        # a little below the interval, side by side where values are equal
        heights = place - 0.16 - 0.08 * (np.arange(len(points)) % 2)
        ax.plot(points, heights, "o", markersize=3.2, markerfacecolor="white", markeredgecolor="black", mew=0.7)
    ax.set_yticks(range(len(rows)), list(rows["variant"]))
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_ylim(-0.7, len(rows) - 0.4)
    ax.set_xlabel(f"difference in accuracy, percentage points (right: better than {than})")
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    numbers = ax.secondary_yaxis("right")
    numbers.set_yticks(range(len(rows)), [_in_words(row) for _, row in rows.iterrows()])
    numbers.tick_params(length=0, labelsize=7)
    numbers.spines["right"].set_visible(False)
    figure.legend(handles=_forest_legend(confidence), loc="outside lower center", ncols=3)
    return figure


def _colour(row: "pd.Series[Any]") -> str:
    return style.GREY if row["verdict"] == "inconclusive" else style.BLUE


def _in_words(row: "pd.Series[float]") -> str:
    interval = "" if np.isnan(row["low"]) else f"  [{_signed(row['low'])}, {_signed(row['high'])}]"
    return f"{_signed(row['difference'])}{interval}"


def _signed(value: float) -> str:
    text = f"{value:+.2f}".replace("-", "\N{MINUS SIGN}")
    return "0.00" if text[1:] == "0.00" else text


def _forest_legend(confidence: float) -> list[Line2D]:
    blue = {"color": style.BLUE, "marker": "D", "markersize": 5.0}
    grey = {"color": style.GREY, "marker": "D", "markersize": 5.0}
    white = {"marker": "o", "markersize": 3.2, "markerfacecolor": "white", "markeredgecolor": "black"}
    return [
        Line2D([], [], label=f"mean and {100 * confidence:g} % interval: better or worse", **blue),  # type: ignore[arg-type]
        Line2D([], [], label="the same: inconclusive", **grey),  # type: ignore[arg-type]
        Line2D([], [], label="each seed", linestyle="", **white),  # type: ignore[arg-type]
    ]


@dataclass(frozen=True)
class _Cost:
    column: str
    label: str
    unit: float  # the column is divided by this
    controlled: str | None = None  # the kind of control that is meant to be equal in it


_COUNTS = (
    _Cost("parameters", "parameters, thousands", 1e3, "parameters"),
    _Cost("macs", "multiply-adds per image, millions", 1e6),
)
_LATENCY = "latency_ratio_"
NO_CONTROLS = pd.DataFrame(columns=["variant", "control", "cost"])


@style.context()
def accuracy_against_cost(
    frame: pd.DataFrame, *, baseline: str, title: str, controls: pd.DataFrame = NO_CONTROLS
) -> Figure:
    """Draw test accuracy (mean, and one standard deviation) against each kind of cost, every point with its name.

    `frame` has the columns variant, accuracy_mean, accuracy_std (0..1), macs, parameters, and latency_ratio_<n> for
    each batch size n. A kind of cost that is NaN for all variants gets no panel; a standard deviation of NaN (one
    seed) no bar. `controls` has the columns variant, control and cost (parameters or latency): where that cost is
    drawn, a line joins the two.
    """
    costs = [cost for cost in _costs(frame) if frame[cost.column].notna().any()]
    figure = style.new_figure(style.DOUBLE, 0.7 + 2.4 * len(costs))
    figure.suptitle(fill(f"Test accuracy against cost: {title}", 95))
    axes = figure.subplots(len(costs), 1, squeeze=False)[:, 0]
    for ax, cost in zip(axes, costs, strict=True):
        known = _known(frame, cost)
        _joined(ax, known, cost, controls[controls["cost"] == cost.controlled])
        _points(ax, known, cost, _roles(known["variant"], baseline, controls))
    figure.draw_without_rendering()  # arranges the axes, which then stay where they are: names need fixed places
    figure.set_layout_engine("none")
    for ax, cost in zip(axes, costs, strict=True):
        known = _known(frame, cost)
        labels.annotate(
            ax,
            x=list(known[cost.column] / cost.unit),
            y=list(100 * known["accuracy_mean"]),
            names=list(known["variant"]),
            bars=list(100 * known["accuracy_std"].fillna(0.0)),
        )
    return figure


def _costs(frame: pd.DataFrame) -> list[_Cost]:
    sizes = [str(column).removeprefix(_LATENCY) for column in frame.columns if str(column).startswith(_LATENCY)]
    latency = [
        _Cost(f"{_LATENCY}{size}", f"latency at batch size {size}, ratio to the baseline", 1.0, "latency")
        for size in sizes
    ]
    return [*_COUNTS, *latency]


def _known(frame: pd.DataFrame, cost: _Cost) -> pd.DataFrame:
    return frame[frame[cost.column].notna()]


def _roles(variants: "pd.Series[str]", baseline: str, controls: pd.DataFrame) -> list[str]:
    wider = set(controls["control"])
    return ["baseline" if name == baseline else "control" if name in wider else "variant" for name in variants]


def _joined(ax: Axes, frame: pd.DataFrame, cost: _Cost, controls: pd.DataFrame) -> None:
    """Draw a line from each variant to the wider network that is meant to cost the same."""
    places = frame.set_index("variant")
    for variant, control in controls[["variant", "control"]].itertuples(index=False, name=None):
        if {variant, control} <= set(places.index):
            ends = places.loc[[variant, control]]
            ax.plot(
                ends[cost.column] / cost.unit, 100 * ends["accuracy_mean"], "--", color=style.GREY, lw=0.7, zorder=1
            )


def _points(ax: Axes, frame: pd.DataFrame, cost: _Cost, roles: list[str]) -> None:
    x, y = frame[cost.column] / cost.unit, 100 * frame["accuracy_mean"]
    ax.errorbar(x, y, yerr=100 * frame["accuracy_std"].fillna(0.0), fmt="none", ecolor=style.LIGHT, elinewidth=1.0)
    colours = {"baseline": style.RED, "variant": style.BLUE, "control": style.GREEN}
    markers = {"baseline": "s", "variant": "o", "control": "^"}
    sns.scatterplot(
        x=x, y=y, hue=roles, palette=colours, style=roles, markers=markers,
        legend=False, s=26, linewidth=0.4, zorder=3, ax=ax,
    )  # fmt: skip
    ax.margins(x=0.12, y=0.18)  # room for the names
    ax.set_xlabel(cost.label)
    ax.set_ylabel("test accuracy, %")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8))
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.grid()
