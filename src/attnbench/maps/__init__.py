"""Whether the maps of a trained network are true: scores of Grad-CAM and spatial gates. Their file: `records.maps`."""

from attnbench.maps.scores import measure

__all__ = ["measure"]
