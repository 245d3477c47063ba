"""Groups of consecutive channels: views of them, and gates that they share.

Everything is in the memory order of channels_last, where the channels of a group are adjacent, so that no map is copied
to be grouped.
"""

from torch import Tensor


def grouped(x: Tensor, groups: int) -> Tensor:
    """Return the channels of each position by group: (n, c, h, w) -> (n, h, w, g, c / g), a view if channels_last."""
    n, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).view(n, h, w, groups, c // groups)


def ungrouped(x: Tensor) -> Tensor:
    """Return the inverse of `grouped`: (n, h, w, g, c / g) -> (n, c, h, w), channels_last."""
    return x.flatten(3).permute(0, 3, 1, 2)


def shared(gate: Tensor, width: int) -> Tensor:
    """Return the gate of every group for each of its `width` channels: (n, h, w, g) -> (n, g width, h, w)."""
    return ungrouped(gate[..., None].expand(*gate.shape, width))


def shuffled(x: Tensor, groups: int) -> Tensor:
    """Return the first channel of every group, then the second of every group, and so on: (n, c, h, w), likewise."""
    return ungrouped(grouped(x, groups).transpose(3, 4))
