"""Figures: arrays or data frames in, a matplotlib Figure out, and one way to save it. No file here imports torch.

    maps         feature maps, most active channels, Grad-CAM, gates, one sheet over all variants
    captions     the sentences that go with them, the colour scale among them
    curves       learning curves, loss of every iteration
    comparison   differences to the baseline, accuracy against cost

Figures are made directly, not through pyplot: nothing is registered, so nothing has to be closed, no backend is
chosen and no global setting is changed.
"""

from attnbench.report.figures.saving import save

__all__ = ["save"]
