"""Figures: arrays or data frames in, a matplotlib Figure out. No file here imports torch.

    maps           feature maps, most active channels, Grad-CAM, spatial gates, one sheet over all variants
    channel_gates  the gate of every channel
    curves         learning curves, loss of every step
    forest         differences in accuracy
    cost           accuracy against cost

Figures are created directly, not through pyplot: nothing is registered, so nothing has to be closed, no backend is
chosen and no global setting is changed.
"""
