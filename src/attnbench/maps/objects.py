"""How well a map (n, h, w) finds an object whose mask (n, h, w) is known.

    energy     share of the sum of the map that lies inside the object
    pointing   1 if the largest value lies inside, else 0
    precision  average precision of the pixels, ranked by the map, as a detector of those inside: the mean over pixels
               inside of the precision among all pixels that rank as high

A constant map scores the share of the image that the object covers in all three. Random maps of low resolution point at
an object in the centre less often: enlarged, they have their largest values at the borders.

Source: energy: Wang et al. 2020, arXiv:1910.01279, section 4.3; pointing: Zhang et al. 2016, arXiv:1608.00507, section
4.2, here without a tolerance in pixels.
"""

import torch
from torch import Tensor


def energy(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the energy (n,), of values above 0; a map without any has that of a constant one."""
    maps = maps.clamp(min=0)
    total = maps.sum((1, 2))
    inside = (maps * masks).sum((1, 2))
    return torch.where(total > 0, inside / total.where(total > 0, 1), masks.float().mean((1, 2)))


def pointing(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the share (n,) of the largest values that lie inside; several pixels may share the largest value."""
    largest = maps == maps.amax((1, 2), keepdim=True)
    return (largest & masks.bool()).sum((1, 2)) / largest.sum((1, 2))


def precision(maps: Tensor, masks: Tensor) -> Tensor:
    """Return the average precision (n,). Equal values rank equally high; the object has at least one pixel."""
    values, order = maps.flatten(1).sort(1, descending=True)
    inside = masks.flatten(1).double().gather(1, order)  # (n, h w)
    # the last pixel of each group of equal values has the precision of the whole group
    count = torch.arange(1, values.shape[1] + 1, device=maps.device).expand_as(values)
    is_last = torch.ones_like(values, dtype=torch.bool)
    is_last[:, :-1] = values[:, :-1] != values[:, 1:]
    last = torch.where(is_last, count, values.shape[1]).flip(1).cummin(1).values.flip(1) - 1  # (n, h w)
    precisions = (inside.cumsum(1) / count).gather(1, last)
    return (precisions * inside).sum(1) / inside.sum(1)
