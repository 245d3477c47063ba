"""Differences in accuracy with their intervals, one row per comparison: a forest plot of one study, or of several."""

import math
from io import StringIO
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from attnbench.report import formatting
from attnbench.report.figures import style
from attnbench.study import attention

MINUS = "\N{MINUS SIGN}"
_BANDS = MODULES, NULL_CONTROLS, WIDER, DECLARED, CONTROLS, OTHERS = (
    "Modules against the baseline",
    "Modules against their null controls",
    "Modules against wider networks of similar cost",
    "Declared comparisons",
    "Null controls against the baseline",
    "Networks without attention against the baseline",
)
_SEEDS = 0.3  # how far below its interval a seed is drawn


@style.context()
def forest(
    comparisons: pd.DataFrame,
    seeds: pd.DataFrame,
    *,
    kinds: dict[str, str],
    confidence: float,
    margin: float | None = None,
) -> Figure:
    """Draw per comparison the mean difference with its simultaneous interval, and every seed as a point.

    `comparisons` has the columns variant, reference, kind, difference, low, high and verdict; `seeds` has variant,
    reference, seed and difference; numbers are fractions. `kinds` is variant -> what it is. Comparisons with the
    baseline by kind of variant, with each kind of control, and declared ones are bands; within a band the largest
    difference is on top. An interval of NaN (one seed) is omitted. Within `margin` (percentage points, shaded), two
    variants are equivalent.
    """
    frame = _rows(comparisons, kinds).assign(margin=margin)
    figure = style.new_figure(1.1 + 0.235 * (frame["y"].max() + 1))
    ax = figure.subplots()
    if margin is not None:
        ax.axvspan(-margin, margin, color="#F0F0F0", zorder=0, label=f"within {margin:g} points")
    points = seeds.drop_duplicates().merge(frame[["variant", "reference", "y"]], on=["variant", "reference"])
    ax.scatter(
        *(100 * points["difference"], points["y"] + _SEEDS),
        s=9, facecolor="white", edgecolor="black", linewidth=0.6, zorder=3, label="one seed",
    )  # fmt: skip
    _draw(ax, frame)
    intervals = f", with simultaneous {formatting.level(confidence)} intervals" if frame["low"].notna().any() else ""
    ax.set_xlabel(f"difference in test accuracy, percentage points (right of 0: better){intervals}")
    figure.legend(loc="outside lower center", ncols=6, handletextpad=0.4)
    return figure


@style.context()
def of_studies(results: str) -> Figure:
    """Draw every module against the baseline of its study, with its simultaneous interval; a panel for each study.

    `results` is the text of reports/results.csv. Studies of the same images are one below the other and share an axis,
    those with shorter intervals on top, and within one study the largest difference.
    """
    names = {"study": str, "variant": str}  # `NA` may be one
    rows = pd.read_csv(StringIO(results), keep_default_na=False, na_values=[""], dtype=names)
    modules = rows[rows["kind"] == "attention"]
    modules = modules.assign(order=0, label=modules["variant"], margin=100 * modules["margin"])
    modules = modules.assign(length=(modules["high"] - modules["low"]).fillna(math.inf))
    lengths = modules.groupby(["images", "study"])["length"].median()
    shortest = lengths.groupby("images").transform("min")
    order = pd.DataFrame({"shortest": shortest, "length": lengths}).sort_values(["shortest", "images", "length"])
    studies = [_stacked(modules[modules["study"] == study]) for _, study in order.index]
    figure = style.new_figure(1.0 + sum(0.45 + 0.235 * len(frame) for frame in studies))
    panels = figure.subplots(len(studies), squeeze=False, height_ratios=[len(frame) + 1.3 for frame in studies])[:, 0]
    legend: dict[str, Artist] = {}
    of_images: dict[str, Axes] = {}  # the first panel of each
    for ax, frame in zip(panels, studies, strict=True):
        study, images, n, epochs, network = frame[["study", "images", "n", "epochs", "network"]].iloc[0]
        counts = f"{n} seed{'s' if n != 1 else ''}, {epochs} epoch{'s' if epochs != 1 else ''}"
        if images in of_images:
            ax.sharex(of_images[images])
        of_images.setdefault(images, ax)
        _draw(ax, frame.assign(band=f"{study}: {images}, {network}, {counts}"))
        legend |= {label: artist for artist, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    panels[-1].set_xlabel(
        "difference to the baseline in test accuracy, points (right of 0: better), with simultaneous intervals"
    )
    figure.legend(legend.values(), legend.keys(), loc="outside lower center", ncols=6, handletextpad=0.4)
    return figure


def _draw(ax: Axes, frame: pd.DataFrame) -> None:
    """Draw the rows of a forest: intervals in the colours of their verdicts, names and numbers."""
    ax.axvline(0, color="black", linewidth=0.8)
    for verdict, (colour, marker) in style.VERDICTS.items():
        if (of_verdict := frame[frame["verdict"] == verdict]).size:
            _intervals(ax, of_verdict, color=colour, marker=marker, label=verdict)
    _labels(ax, frame)


def _rows(comparisons: pd.DataFrame, kinds: dict[str, str]) -> pd.DataFrame:
    """Return the comparisons sorted, with their `band`, their `label` and their height `y`, one free before a band."""
    pairs = comparisons[["variant", "reference", "kind"]].to_numpy()
    frame = comparisons.assign(
        band=[_band(variant, kind, kinds) for variant, _, kind in pairs],
        label=[name if kind == "baseline" else f"{name} {MINUS} {reference}" for name, reference, kind in pairs],
    )
    order = {band: number for number, band in enumerate(band for band in _BANDS if band in set(frame["band"]))}
    return _stacked(frame.assign(order=frame["band"].map(order)))


def _stacked(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows by the `order` of their band, the largest difference on top, with their height `y`."""
    frame = frame.sort_values(["order", "difference", "variant"], ascending=[True, False, True])
    return frame.assign(y=frame["order"] + 1 + np.arange(len(frame)))


def _band(variant: str, kind: str, kinds: dict[str, str]) -> str:
    if kind == "baseline":
        return {"attention": MODULES, "null control": CONTROLS}.get(kinds[variant], OTHERS)
    if kind == "declared":
        return DECLARED
    return NULL_CONTROLS if set(kind.split()) <= set(attention.NULL_CONTROLS) else WIDER


def _intervals(ax: Axes, rows: pd.DataFrame, **looks: Any) -> None:
    ends = [100 * (rows["difference"] - rows["low"]), 100 * (rows["high"] - rows["difference"])]
    ax.errorbar(
        *(100 * rows["difference"], rows["y"]), xerr=ends, fmt="none", ecolor=looks["color"], elinewidth=1.8, zorder=2
    )
    ax.plot(100 * rows["difference"], rows["y"], linestyle="", markersize=6, zorder=4, **looks)


def _labels(ax: Axes, frame: pd.DataFrame) -> None:
    """Name the rows on the left, write their numbers on the right, and the bands above their rows."""
    bands = frame.groupby("band", sort=False)["y"].min() - 1
    ax.set_yticks(frame["y"], frame["label"])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(frame["y"].max() + 0.8, -0.5)
    for band, y in bands.items():
        ax.annotate(
            str(band), (0, y), xycoords=("figure fraction", "data"), xytext=(4, 0), textcoords="offset points",
            va="center", fontweight="bold", annotation_clip=False, in_layout=False,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},  # the line at 0 may pass there
        )  # fmt: skip
        ax.axhline(y - 0.5, color=style.LIGHT, linewidth=0.6, zorder=0)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    numbers = ax.secondary_yaxis("right")
    numbers.set_yticks(
        frame["y"], [_numbers(*row) for row in frame[["difference", "low", "high", "margin"]].to_numpy(float).tolist()]
    )
    numbers.tick_params(length=0)
    numbers.spines["right"].set_visible(False)


def _numbers(mean: float, low: float, high: float, margin: float) -> str:
    """Return what the tables print, with minus signs; `margin` in points is NaN for none."""
    share = None if math.isnan(margin) else margin / 100
    return formatting.points_with_interval(mean, low, high, share).replace("-", MINUS).replace(" ", "  ", 1)
