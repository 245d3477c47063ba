"""Crop, flip and rotate, each as one gather of pixels.

A pixel whose interleaved channels take 1, 2, 4 or 8 bytes moves as one number, several times as fast as channel by
channel. `packed` gives images this layout.
"""

import torch
from torch import Tensor
from torch.nn.functional import pad

_WHOLE = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}  # by bytes


def packed(images: Tensor) -> Tensor:
    """Return uint8 images (n, c, h, w) as (n, h, w, c'), padded with black channels until a pixel is one number."""
    n, c, h, w = images.shape
    width = next((size for size in _WHOLE if size >= c), c)
    wide = images.new_zeros((n, h, w, width))
    wide[..., :c] = images.permute(0, 2, 3, 1)
    return wide


def crop(images: Tensor, top: Tensor, left: Tensor) -> Tensor:
    """Crop to the original size from row `top` and column `left` of each image (n,); what lies outside is black."""
    return crop_and_flip(images, top, left, torch.zeros_like(top, dtype=torch.bool))


def flip(images: Tensor, flipped: Tensor) -> Tensor:
    """Flip images (n, c, h, w) horizontally where `flipped` (n,) is true."""
    h, w = images.shape[2:]
    rows = torch.arange(h, device=images.device, dtype=torch.int32)[:, None]
    return _pixels(images.permute(0, 2, 3, 1), rows, _columns(w, flipped))


def crop_and_flip(images: Tensor, top: Tensor, left: Tensor, flipped: Tensor) -> Tensor:
    """Crop, then flip, in one pass over the pixels."""
    h, w = images.shape[2:]
    rows = top.int()[:, None, None] + torch.arange(h, device=images.device, dtype=torch.int32)[:, None]  # (n, h, 1)
    columns = left.int()[:, None, None] + _columns(w, flipped)  # (n, 1, w)
    return _pixels(_framed(images), rows.clamp_(-1, h).add_(1), columns.clamp_(-1, w).add_(1))


def rotate(images: Tensor, degrees: Tensor) -> Tensor:
    """Rotate images counter-clockwise by `degrees` (n,) about their centre: nearest pixel, 0 outside.

    Coordinates are computed in the same float32 steps as in torchvision's `rotate`, so they round to the same pixels.
    """
    h, w = images.shape[2:]
    angle = torch.deg2rad(degrees.double())[:, None, None]
    cos, sin = angle.cos().float(), angle.sin().float()  # (n, 1, 1)
    x = torch.linspace((1 - w) / 2, (w - 1) / 2, w, device=images.device)
    y = torch.linspace((1 - h) / 2, (h - 1) / 2, h, device=images.device)[:, None]
    rows = _nearest(x * (sin / (0.5 * h)) + y * (cos / (0.5 * h)), h)  # (n, h, w)
    columns = _nearest(x * (cos / (0.5 * w)) - y * (sin / (0.5 * w)), w)
    framed = pad(images.permute(1, 0, 2, 3), (1, 1, 1, 1))  # (c, n, h + 2, w + 2); positions outside map to the frame
    index = _index(framed.shape[1:], rows + 1, columns + 1)
    planes = framed.flatten(1).index_select(1, index.flatten())  # twice as fast as pixel by pixel
    return planes.view(-1, *index.shape).permute(1, 0, 2, 3)


def _columns(w: int, flipped: Tensor) -> Tensor:
    """Return the source columns from left to right (n, 1, w), in descending order where `flipped`."""
    ascending = torch.arange(w, device=flipped.device, dtype=torch.int32)
    return torch.where(flipped[:, None, None], w - 1 - ascending, ascending)


def _nearest(coordinate: Tensor, size: int) -> Tensor:
    """Return the pixel nearest to a coordinate, -1..1 from edge to edge: -1..size; ties go to the even pixel."""
    return coordinate.add_(1).mul_(size).sub_(1).div_(2).round_().clamp_(-1, size).int()


def _framed(images: Tensor) -> Tensor:
    """Return images (n, c, h, w) with a frame of one black pixel, channels last: (n, h + 2, w + 2, c)."""
    return pad(images.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))


def _index(shape: tuple[int, ...], rows: Tensor, columns: Tensor) -> Tensor:
    """Return the flat int32 indices of pixels (n, h, w) in a source of `shape` (n, height, width)."""
    n, height, width = shape
    first = torch.arange(n, device=rows.device, dtype=torch.int32)[:, None, None] * (height * width)
    return rows * width + first + columns


def _pixels(source: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Gather pixels of each image of a source (n, height, width, c); int32 rows and columns broadcast to (n, h, w).

    Returns (n, c, h, w), channels last, in the dtype of the source.
    """
    index = _index(source.shape[:3], rows, columns)
    pixels = source.reshape(-1, source.shape[3])
    whole = _WHOLE.get(pixels.shape[1] * pixels.element_size())
    if whole is not None:
        pixels = pixels.view(whole)
    gathered = pixels.index_select(0, index.flatten()).view(source.dtype)
    return gathered.view(*index.shape, -1).permute(0, 3, 1, 2)
