"""Moving pixels: crop, flip and rotate as one gather of pixels each."""

import torch
from torch import Tensor

from attnbench.training.augment.parameters import PADDING


def crop(images: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Pad by 4 with 0 and cut the original size out at (top, left), 0..8 per image (n,)."""
    return crop_and_flip(images, top, left, torch.zeros_like(top, dtype=torch.bool))


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Mirror left and right the images (n, c, h, w) where `flipped` (n,) is true."""
    h, w = images.shape[2:]
    rows = torch.arange(h, device=images.device)[:, None]
    return _pixels(images.permute(0, 2, 3, 1), rows, _columns(w, flipped))


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flipped: Tensor) -> Tensor:
    """Crop, then flip, in one pass over the pixels."""
    h, w = images.shape[2:]
    rows = top[:, None, None] + torch.arange(h, device=images.device)[:, None]  # (n, h, 1)
    return _pixels(_padded(images, PADDING), rows, left[:, None, None] + _columns(w, flipped))


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Turn the images counter-clockwise by `degrees` (n,) about their centre: nearest pixel, 0 outside.

    The coordinates take the steps of torchvision's `rotate` in float32, so that they round to the same pixels.
    """
    h, w = images.shape[2:]
    angle = torch.deg2rad(degrees.double())[:, None, None]
    cos, sin = angle.cos().float(), angle.sin().float()  # (n, 1, 1)
    x = torch.linspace((1 - w) / 2, (w - 1) / 2, w, device=images.device)
    y = torch.linspace((1 - h) / 2, (h - 1) / 2, h, device=images.device)[:, None]
    rows = _nearest(x * (sin / (0.5 * h)) + y * (cos / (0.5 * h)), h)  # (n, h, w)
    columns = _nearest(x * (cos / (0.5 * w)) - y * (sin / (0.5 * w)), w)
    return _pixels(_padded(images, 1), rows + 1, columns + 1)  # what lies outside is in the black frame


def _columns(w: int, flipped: Tensor) -> Tensor:
    """Return the columns of the images from left to right (n, 1, w): counted down where `flipped`."""
    ascending = torch.arange(w, device=flipped.device)
    return torch.where(flipped[:, None, None], w - 1 - ascending, ascending)


def _nearest(coordinate: Tensor, size: int) -> Tensor:
    """Return the pixel nearest to a coordinate, -1..1 from edge to edge: -1..size; halves go to the even pixel."""
    return coordinate.add_(1).mul_(size).sub_(1).div_(2).round_().clamp_(-1, size).long()


def _padded(images: Tensor, padding: int) -> Tensor:
    """Return images (n, c, h, w) in a black frame, channels last: (n, h + 2 padding, w + 2 padding, c)."""
    n, c, h, w = images.shape
    framed = images.new_zeros((n, h + 2 * padding, w + 2 * padding, c))
    framed[:, padding : padding + h, padding : padding + w] = images.permute(0, 2, 3, 1)
    return framed


def _pixels(source: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Gather pixels of each image of a source (n, height, width, c); rows and columns broadcast to (n, h, w).

    Returns (n, c, h, w), channels last: a pixel with its channels is moved as one, in the dtype of the source.
    """
    n, height, width, c = source.shape
    first = torch.arange(n, device=source.device)[:, None, None] * (height * width)
    index = (first + rows * width) + columns  # (n, h, w)
    return source.reshape(-1, c).index_select(0, index.flatten()).view(*index.shape, c).permute(0, 3, 1, 2)
