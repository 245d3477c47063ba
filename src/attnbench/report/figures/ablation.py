"""What the gates do: accuracy with frozen and with shuffled gates, and how much gates vary between images."""

import re

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from attnbench.report.figures import style

_LOOKS = {"full": (style.BLACK, "D"), "frozen": (style.BLUE, "s"), "shuffled": (style.ORANGE, "o")}
_NUMBERS = 12  # columns of a heat map in which numbers can be read
_LEAST = 0.1  # a standard deviation over images at which a gate has the strongest colour, unless there are larger ones


@style.context()
def frozen_and_shuffled(table: pd.DataFrame, *, baseline: str, accuracy: float) -> Figure:
    """Draw per variant the test accuracy as trained, with gates frozen at their mean, and with another image's gates.

    `table` has the columns variant, accuracy and, for frozen and shuffled, `<kind>_mean`, `<kind>_low`, `<kind>_high`:
    differences to the accuracy, as fractions. Bars are their intervals, so one that reaches the black mark decides
    nothing. `accuracy` is that of the baseline.
    """
    figure = style.new_figure(1.0 + 0.36 * len(table))
    ax = figure.subplots()
    ax.axvline(100 * accuracy, color=style.GREY, linestyle=":", label=f"{baseline}, full")
    for offset, (kind, (colour, marker)) in zip((0, -0.18, 0.18), _LOOKS.items(), strict=True):
        change = pd.Series(0.0, table.index) if kind == "full" else table[f"{kind}_mean"]
        rows = pd.Series(range(len(table)), table.index) + offset
        if kind != "full":
            ends = [100 * (change - table[f"{kind}_low"]), 100 * (table[f"{kind}_high"] - change)]
            ax.errorbar(100 * (table["accuracy"] + change), rows, xerr=ends, fmt="none", ecolor=colour, elinewidth=1.4)
        on_top = 4 if kind == "full" else 3
        ax.plot(100 * (table["accuracy"] + change), rows, marker, color=colour, markersize=6, label=kind, zorder=on_top)
    ax.set_yticks(range(len(table)), table["variant"])
    ax.tick_params(axis="y", length=0)
    ax.set_ylim(len(table) - 0.5, -0.5)
    ax.set_xlabel("test accuracy, %")
    ax.grid(axis="x")
    figure.legend(loc="outside lower center", ncols=4)
    return figure


@style.context()
def gate_spread(slots: pd.DataFrame) -> Figure:
    """Draw the standard deviation of gates over images as a heat map: a row per gate of a variant, a column per block.

    `slots` has the columns variant, slot, quantity and spread. White is a gate that is the same for all images.
    """
    frame = slots.assign(
        block=slots["slot"].str.rpartition(".")[0],
        row=slots["variant"] + slots["quantity"].map(lambda name: "" if name == "gate" else f", {name}"),
    )
    grid = frame.pivot(index="row", columns="block", values="spread")
    grid = grid.loc[frame["row"].unique(), sorted(grid.columns, key=_natural)]  # pivot sorts by name
    figure = style.new_figure(1.0 + 0.27 * len(grid))
    ax = figure.subplots()
    few = grid.shape[1] <= _NUMBERS
    texts = grid.map(lambda spread: "<0.001" if 0 < spread < 0.0005 else f"{spread:.3f}")  # 0.000 is a constant
    sns.heatmap(
        grid, vmin=0, vmax=max(_LEAST, grid.max().max()), cmap="Blues", linewidths=0.5,
        annot=texts if few else False, fmt="", annot_kws={"fontsize": 8.5}, cbar=not few, cbar_kws={"pad": 0.02}, ax=ax,
    )  # fmt: skip
    if not few:
        ax.collections[0].colorbar.solids.set_rasterized(False)  # type: ignore[union-attr] # no image inside an SVG
    ax.set(xlabel="standard deviation over images of the gates of each block, from shallow to deep", ylabel="")
    ax.tick_params(length=0, axis="both", rotation=0)
    if not few:
        ax.tick_params(axis="x", rotation=90)
    return figure


def _natural(name: str) -> list[tuple[str, int]]:
    """Return a key that sorts `layer10` after `layer2`."""
    return [(text, int(number or 0)) for text, number in re.findall(r"(\D*)(\d*)", name)]
