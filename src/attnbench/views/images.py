"""Which test images are looked at, and how large what we keep of them may be."""

import torch
from torch import Tensor
from torch.nn import functional

from attnbench.records.prepared import Prepared

# The file is tracked by git: of large images and maps a reduced copy is kept, enough for a panel of a figure.
LARGEST_MAP = 32
LARGEST_IMAGE = 64


def chosen(data: Prepared, count: int) -> Tensor:
    """Return the rows of the first test image of each of the first `count` classes that have one.

    A data set with fewer classes gives fewer images. The choice depends on nothing but the data.
    """
    rows = [(data.test_labels == label).nonzero().flatten() for label in range(len(data.description.classes))]
    return torch.stack([found[0] for found in rows if len(found) > 0][:count])  # (n,)


def normalised(images: Tensor, mean: tuple[float, ...], std: tuple[float, ...]) -> Tensor:
    """Return uint8 images (n, c, h, w) as the float32 that the network was trained on."""
    shape = (1, -1, 1, 1)
    return (images.float() / 255 - torch.tensor(mean).view(shape)) / torch.tensor(std).view(shape)


def reduced(maps: Tensor, largest: int) -> Tensor:
    """Return maps (..., h, w) averaged over areas so that no side is longer than `largest`; small ones as they are."""
    height, width = maps.shape[-2:]
    scale = largest / max(height, width)
    if scale >= 1:
        return maps
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    flat = maps.reshape(1, -1, height, width)
    return functional.interpolate(flat, size=size, mode="area").reshape(*maps.shape[:-2], *size)
