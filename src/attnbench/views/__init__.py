"""What a trained network looks at on a few fixed test images. The arrays and their file: `attnbench.records.views`."""

from attnbench.views.checkpoint import load_weights
from attnbench.views.collect import compute

__all__ = ["compute", "load_weights"]
