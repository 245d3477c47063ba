"""Figures: arrays or data frames in, a matplotlib Figure out. No file here imports torch.

    forest     differences in accuracy
    price      differences in accuracy against ratios of time
    ablation   accuracy with frozen and shuffled gates, and the spread of gates over images
    robustness accuracy under every kind of corruption
    learning   accuracy of every epoch, loss of every step
    maps       Grad-CAM, spatial gates, feature maps and most active channels, on sheets of `panels`

Figures are created directly, not through pyplot: nothing is registered, so nothing has to be closed, no backend is
chosen and no global setting is changed. They have no title: the report's caption says what the images are.
"""
