"""Differences in accuracy with their intervals, one row per variant: a forest plot."""

import math
from textwrap import fill
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attnbench.report import formatting
from attnbench.report.figures import style


@style.context()
def difference_forest(
    differences: pd.DataFrame, seeds: pd.DataFrame, *, confidence: float, title: str, reference: str
) -> Figure:
    """Draw per variant the mean difference with its interval, and every seed as a point.

    `differences` has the columns variant, mean, low, high, verdict; `seeds` has variant, seed, difference; numbers are
    shares. `reference` is what variants are compared with. Rows are sorted, the largest mean on top. An interval of NaN
    (one seed) is omitted. Rows are blue if the verdict is better or worse, grey if it is inconclusive.
    """
    ordered = differences.sort_values(["mean", "variant"], ascending=[True, False])
    rows = [row for _, row in ordered.iterrows()]
    names = [row["variant"] for row in rows]
    figure = style.new_figure(style.DOUBLE, 1.15 + 0.3 * len(rows))
    figure.suptitle(fill(title, 95))
    ax = figure.subplots()
    ax.axvline(0, color="black", linewidth=0.8)
    for height, row in enumerate(rows):
        colour = style.GREY if row["verdict"] == "inconclusive" else style.BLUE
        ends = [100 * row["low"], 100 * row["high"]]
        ax.plot(ends, [height, height], color=colour, linewidth=1.6, solid_capstyle="butt")
        ax.plot(100 * row["mean"], height, "D", color=colour, markersize=5, zorder=4)
        points = 100 * seeds.loc[seeds["variant"] == row["variant"]].sort_values("seed")["difference"].to_numpy()
        # a little below the interval, at two heights, so that equal values do not cover each other
        heights = height - 0.16 - 0.08 * (np.arange(len(points)) % 2)
        ax.plot(points, heights, "o", markersize=3.2, markerfacecolor="white", markeredgecolor="black", mew=0.7)
    ax.set_yticks(range(len(rows)), names)
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_ylim(-0.7, len(rows) - 0.4)
    ax.set_xlabel(f"difference in accuracy, percentage points (right: better than {reference})")
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    numbers = ax.secondary_yaxis("right")
    numbers.set_yticks(range(len(rows)), [_numbers(row) for row in rows])
    numbers.tick_params(length=0, labelsize=7)
    numbers.spines["right"].set_visible(False)
    figure.legend(handles=_legend(confidence), loc="outside lower center", ncols=3)
    return figure


def _numbers(row: "pd.Series[Any]") -> str:
    texts = [formatting.points(row[name]).replace("-", "\N{MINUS SIGN}") for name in ("mean", "low", "high")]
    return texts[0] if math.isnan(row["low"]) else f"{texts[0]}  [{texts[1]}, {texts[2]}]"


def _legend(confidence: float) -> list[Line2D]:
    diamond: dict[str, Any] = {"marker": "D", "markersize": 5.0}
    circle: dict[str, Any] = {"marker": "o", "markersize": 3.2, "markerfacecolor": "white", "markeredgecolor": "black"}
    interval = f"mean and {formatting.level(confidence)} interval"
    return [
        Line2D([], [], label=f"{interval}: better or worse", color=style.BLUE, **diamond),
        Line2D([], [], label="the same: inconclusive", color=style.GREY, **diamond),
        Line2D([], [], label="each seed", linestyle="", **circle),
    ]
