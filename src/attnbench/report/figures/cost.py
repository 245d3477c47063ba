"""Accuracy against each kind of cost, one panel per kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attnbench.report.figures import labels, style


@dataclass(frozen=True)
class CostAxis:
    """A kind of cost: its column, its label, and what the column is divided by."""

    column: str
    label: str
    unit: float
    control: str | None = None  # the kind of control that is meant to be equal in it


_COUNTS = (
    CostAxis("parameters", "parameters, thousands", 1e3, "parameters"),
    CostAxis("macs", "multiply-adds per image, millions", 1e6),
)
_LATENCY = "latency_ratio_"  # columns of ratios to the baseline end in their batch size
NO_CONTROLS = pd.DataFrame(columns=["variant", "control", "cost"])


@style.context()
def accuracy_against_cost(
    frame: pd.DataFrame,
    *,
    baseline: str,
    title: str,
    controls: pd.DataFrame = NO_CONTROLS,
    null_controls: Sequence[str] = (),
) -> Figure:
    """Draw test accuracy (mean, and one standard deviation) against each kind of cost, points with their names.

    `frame` has the columns variant, accuracy and std (in percent), parameters, macs, and latency_ratio_<n> for each
    batch size n. A kind of cost that is NaN for all variants has no panel; a standard deviation of NaN (one seed)
    has no bar. `controls` has the columns variant, control and cost (parameters or latency): a line joins the two in
    the panels of that cost. The variants in `null_controls` have no name: they cost next to nothing, so their points
    lie close together.
    """
    sizes = [str(column).removeprefix(_LATENCY) for column in frame.columns if str(column).startswith(_LATENCY)]
    latency = [
        CostAxis(f"{_LATENCY}{size}", f"latency at batch size {size}, ratio to the baseline", 1.0, "latency")
        for size in sizes
    ]
    axes_of_cost = [axis for axis in (*_COUNTS, *latency) if frame[axis.column].notna().any()]
    figure = style.new_figure(style.DOUBLE, 0.7 + 2.4 * len(axes_of_cost))
    figure.suptitle(fill(f"Test accuracy against cost: {title}", 95))
    panels = list(zip(figure.subplots(len(axes_of_cost), 1, squeeze=False)[:, 0], axes_of_cost, strict=True))
    roles = dict.fromkeys(frame["variant"], "variant") | dict.fromkeys(controls["control"], "control")
    roles |= dict.fromkeys(null_controls, "null control") | {baseline: "baseline"}
    for ax, axis in panels:
        points = _points(frame, axis)
        _join(ax, points, controls[controls["cost"] == axis.control])
        _draw(ax, points, axis.label, roles)
    figure.draw_without_rendering()  # arranges the axes, which then stay where they are: names need fixed positions
    figure.set_layout_engine("none")
    for ax, axis in panels:
        points = _points(frame, axis).drop(index=list(null_controls), errors="ignore")
        labels.annotate(ax, points[["x", "y"]].to_numpy(), list(points.index))
    return figure


def _points(frame: pd.DataFrame, axis: CostAxis) -> pd.DataFrame:
    """Return cost x, accuracy y and its spread by variant, for those whose cost is known."""
    frame = frame[frame[axis.column].notna()].set_index("variant")
    return pd.DataFrame(
        {"x": frame[axis.column] / axis.unit, "y": frame["accuracy"], "spread": frame["std"].fillna(0.0)}
    )


def _join(ax: Axes, points: pd.DataFrame, controls: pd.DataFrame) -> None:
    """Draw a line from each variant to the wider network that is meant to cost the same."""
    for pair in controls[["variant", "control"]].to_numpy():
        if set(pair) <= set(points.index):
            ends = points.loc[pair]
            ax.plot(ends["x"], ends["y"], "--", color=style.GREY, lw=0.7, zorder=1)


def _draw(ax: Axes, points: pd.DataFrame, label: str, roles: dict[str, str]) -> None:
    ax.errorbar(points["x"], points["y"], yerr=points["spread"], fmt="none", ecolor=style.LIGHT, elinewidth=1.0)
    colours = {"baseline": style.RED, "variant": style.BLUE, "control": style.GREEN, "null control": style.GREY}
    markers = {"baseline": "s", "variant": "o", "control": "^", "null control": "v"}
    kinds = [roles[name] for name in points.index]
    sns.scatterplot(
        x=points["x"], y=points["y"], hue=kinds, palette=colours, style=kinds, markers=markers,
        legend=False, s=26, linewidth=0.4, zorder=3, ax=ax,
    )  # fmt: skip
    ax.margins(x=0.12, y=0.18)  # room for the names
    ax.set_xlabel(label)
    ax.set_ylabel("test accuracy, %")
    ax.xaxis.set_major_locator(MaxNLocator(nbins=8))
    ax.ticklabel_format(useOffset=False, style="plain")
    ax.grid()
