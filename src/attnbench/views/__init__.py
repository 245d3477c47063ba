"""What a trained network responds to in a few fixed test images. Their file: `attnbench.records.views`."""

from attnbench.views.collect import compute

__all__ = ["compute"]
