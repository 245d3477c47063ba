"""Whether a trained network's maps are faithful: scores of Grad-CAM and spatial gates. Their file: `records.maps`."""

from attnbench.maps.scores import measure

__all__ = ["measure"]
