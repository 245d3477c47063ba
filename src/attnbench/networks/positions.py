"""Feature maps as lists of positions, for attention from every position to every other."""

from torch import Tensor


def tokens(x: Tensor) -> Tensor:
    """Return the features of each position, row by row: (n, c, h, w) -> (n, h w, c), a view of a channels_last map."""
    return x.permute(0, 2, 3, 1).flatten(1, 2)


def as_map(rows: Tensor, like: Tensor) -> Tensor:
    """Return (n, h w, c) as a channels_last map (n, c, h, w), with the height and width of `like`."""
    n, _, c = rows.shape
    return rows.reshape(n, *like.shape[2:], c).permute(0, 3, 1, 2)


def received(weights: Tensor, like: Tensor) -> Tensor:
    """Return the attention that each position receives from all outputs, relative to the largest of its image.

    `weights` (n, outputs, h w) are the weights of the positions of the map `like` in each output; their magnitudes are
    averaged over the outputs. The result (n, 1, h, w) is in 0..1, and 0 for an image whose weights are all 0.
    """
    mean = weights.abs().mean(1)  # (n, h w)
    largest = mean.amax(1, keepdim=True)
    return (mean / largest.where(largest > 0, 1)).reshape(-1, 1, *like.shape[2:])
