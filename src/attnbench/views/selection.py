"""Which test images the views show, and how large the stored arrays may be."""

import torch
from torch import Tensor
from torch.nn import functional

from attnbench.records.prepared import Prepared

# git tracks the file, so large images and maps are stored at a reduced size that is enough for a panel of a figure
LARGEST_MAP = 32
LARGEST_IMAGE = 64


def first_of_each_class(data: Prepared, count: int) -> Tensor:
    """Return the rows (n,) of the first test image of each of the first `count` classes that have test images.

    If fewer classes have any, n is smaller than `count`. The choice depends on the data only.
    """
    rows = [(data.test_labels == label).nonzero().flatten() for label in range(len(data.classes))]
    return torch.stack([of_class[0] for of_class in rows if len(of_class) > 0][:count])


def reduced(maps: Tensor, largest: int) -> Tensor:
    """Return maps (..., h, w) averaged over areas so that no side exceeds `largest`; small maps are unchanged."""
    height, width = maps.shape[-2:]
    scale = largest / max(height, width)
    if scale >= 1:
        return maps
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    flat = maps.reshape(1, -1, height, width)
    return functional.interpolate(flat, size=size, mode="area").reshape(*maps.shape[:-2], *size)
