"""Channel gates: the factor by which a module scales each channel."""

from math import ceil
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from attnbench.records.views import Views
from attnbench.report.figures import panels, style
from attnbench.report.figures.scale import Array


@style.context()
def channel_gates(views: Views, title: str) -> Figure | None:
    """Draw per slot the gate of every channel, one set of points per image, and their mean as a line.

    All slots share one axis. Each slot's title has the mean over all gates, the spread over channels (of the mean over
    images) and the spread over images (mean over channels): a gate that does not depend on its input has no spread
    over images. None for a variant without channel gates.
    """
    gates = {slot: gate.channel.astype(np.float64) for slot, gate in views.gates.items() if gate.channel is not None}
    if not gates:
        return None
    figure = style.new_figure(style.DOUBLE, 0.9 + 1.5 * len(gates))
    figure.suptitle(f"Channel gates: {views.variant}, seed {views.seed}\n" + fill(title, 95))
    axes = figure.subplots(len(gates), 1, sharey=True, squeeze=False)[:, 0]
    for ax, (slot, gate) in zip(axes, gates.items(), strict=True):
        _slot(ax, gate, [panels.short(views.classes[label]) for label in views.labels])
        ax.set_title(f"{slot}: {statistics(gate)}", loc="left")
        ax.set_ylabel("gate")
    axes[-1].set_xlabel("channel")
    handles, labels = axes[0].get_legend_handles_labels()
    lines = ceil(sum(len(label) + 5 for label in labels) / 95)  # what fits into the width
    figure.legend(handles, labels, loc="outside lower center", ncols=ceil(len(labels) / lines), handletextpad=0.3)
    return figure


def statistics(gate: Array) -> str:
    """Return mean and standard deviations (population) of the gates (n, c) of one slot, in words."""
    over_channels, over_images = gate.mean(axis=0).std(), gate.std(axis=0).mean()
    return f"mean {gate.mean():.3f}, std over channels {over_channels:.3f}, over images {over_images:.3f}"


def _slot(ax: Axes, gate: Array, names: list[str]) -> None:
    channels = np.arange(gate.shape[1])
    for image, name in enumerate(names):
        colour = style.PALETTE[image % len(style.PALETTE)]
        ax.plot(channels, gate[image], ".", markersize=3, color=colour, label=name)
    ax.plot(
        channels, gate.mean(axis=0), color="black", drawstyle="steps-mid", linewidth=0.7, label="mean of the images"
    )
    ax.set_xlim(-1, gate.shape[1])
    ax.xaxis.set_major_locator(MaxNLocator(nbins=9, integer=True))
    ax.grid(axis="y")
