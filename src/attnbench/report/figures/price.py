"""What a difference in accuracy costs in time: a panel for training, a panel for inference."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from attnbench.report.figures import labels, style

_NAMED = 14  # more names than this do not fit into a panel


@style.context()
def price(frame: pd.DataFrame, *, baseline: str, costs: dict[str, str]) -> Figure:
    """Draw the paired difference of each variant against each ratio of time, both with intervals, and the Pareto front.

    `frame` has the columns variant, difference, low, high (fractions) and verdict; `costs` is column -> label of the
    ratios to the baseline, whose intervals are in `<column>_low` and `<column>_high`; NaN: not measured. The front
    joins the variants that no other beats in both accuracy and time.
    """
    figure = style.new_figure(0.4 + 3.3 * len(costs))
    panels = list(zip(figure.subplots(len(costs), 1, sharey=True, squeeze=False)[:, 0], costs.items(), strict=True))
    for ax, (column, label) in panels:
        _draw(ax, frame, column)
        ax.set(xlabel=label, ylabel=f"difference to {baseline},\npercentage points")
        ax.margins(x=0.06, y=0.1)
        ax.grid()
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=verdict)
        for verdict, (colour, marker) in style.VERDICTS.items()
        if verdict in set(frame["verdict"])
    ]
    if any(len(front(frame, column)) > 1 for column in costs):
        handles.append(Line2D([], [], color=style.BLACK, linewidth=0.9, linestyle="--", label="Pareto front"))
    figure.legend(handles=handles, loc="outside lower center", ncols=6, handletextpad=0.3)
    figure.draw_without_rendering()  # arranges the axes, which then stay where they are: names need fixed positions
    figure.set_layout_engine("none")
    for ax, (column, _) in panels:
        points = frame[frame[column].notna()]
        # on the front first, then the largest differences
        points = points.assign(named=points["variant"].isin(front(points, column)))
        points = points.sort_values(["named", "difference"], key=abs, ascending=False, kind="stable").head(_NAMED)
        labels.annotate(ax, _xy(points, column).to_numpy(), list(points["variant"]))
    return figure


def front(frame: pd.DataFrame, column: str) -> list[str]:
    """Return the variants that no other beats: as accurate or more, in less time, or as fast and more accurate."""
    ordered = frame.sort_values([column, "difference"], ascending=[True, False])
    best = ordered["difference"].cummax()
    return list(ordered.loc[best > best.shift(fill_value=float("-inf")), "variant"])


def _xy(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    return pd.DataFrame({"x": frame[column], "y": 100 * frame["difference"]})


def _draw(ax: Axes, frame: pd.DataFrame, column: str) -> None:
    rows = frame[frame[column].notna()]
    ax.axhline(0, color="black", linewidth=0.6)
    ax.axvline(1, color="black", linewidth=0.6)
    ax.errorbar(
        rows[column],
        100 * rows["difference"],
        xerr=[rows[column] - rows[f"{column}_low"], rows[f"{column}_high"] - rows[column]],
        yerr=[100 * (rows["difference"] - rows["low"]), 100 * (rows["high"] - rows["difference"])],
        fmt="none",
        ecolor=style.LIGHT,
        elinewidth=1.0,
    )
    best = rows[rows["variant"].isin(front(rows, column))].sort_values(column)
    ax.step(*_xy(best, column).to_numpy().T, where="post", color=style.BLACK, linestyle="--", linewidth=0.9, zorder=1)
    sns.scatterplot(
        x=rows[column], y=100 * rows["difference"], hue=rows["verdict"], style=rows["verdict"],
        palette={name: colour for name, (colour, _) in _LOOKS.items()},
        markers={name: marker for name, (_, marker) in _LOOKS.items()},
        legend=False, s=40, linewidth=0.4, zorder=3, ax=ax,
    )  # fmt: skip


_LOOKS = style.VERDICTS | {"baseline": (style.BLACK, "D")}
