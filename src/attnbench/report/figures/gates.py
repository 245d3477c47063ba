"""Channel gates: a number for each channel and image."""

import numpy as np
from matplotlib.figure import Figure

from attnbench.records.views import Views
from attnbench.report.figures import fonts, style


@style.context()
def channel_gates(views: Views) -> Figure:
    """Draw the gates of every slot with channel gates: a panel per slot, a line per image.

    Channels are sorted by their mean over the images: parallel lines are gates that do not answer to the image.
    """
    gates = {slot: gate.channel.astype(np.float32) for slot, gate in views.gates.items() if gate.channel is not None}
    figure = style.new_figure(1.8 * len(gates) + 0.4)
    panels = figure.subplots(len(gates), 1, squeeze=False)[:, 0]
    for ax, (slot, gate) in zip(panels, gates.items(), strict=True):
        order = gate.mean(0).argsort(kind="stable")
        for image, line in enumerate(gate[:, order]):
            ax.plot(line, color=style.PALETTE[image % len(style.PALETTE)])
        ax.set(title=slot, ylabel="gate", xlim=(0, max(1, gate.shape[1] - 1)))
        ax.set_ylim(min(0.0, float(gate.min())), max(1.0, float(gate.max())))
    panels[-1].set_xlabel("channels, sorted by their mean over the images")
    names = [fonts.class_name(views.classes, label) for label in views.labels]
    legend = figure.legend(panels[0].lines, [name for name, _ in names], loc="outside right upper")
    for text, (_, families) in zip(legend.get_texts(), names, strict=True):
        text.set_fontfamily(families)
    return figure
