"""Bilinear resizing of feature maps with aligned corners, as two products with constant matrices.

    y = R_h x R_w^T in every channel                       (n, c, h, w) -> (n, c, h', w')
    R_h[i, j] = max(0, 1 - |i (h - 1) / (h' - 1) - j|)     (h', h),  R_w alike;  a single row or column is the first

The result equals torch's `interpolate(mode="bilinear", align_corners=True)`. On CUDA, the gradient of `interpolate`
is accumulated in an unspecified order and is not reproducible; the gradient of a product is. The products are counted
as c h' w (h + w') multiply-adds.
"""

import torch
from torch import Tensor, nn

from attnbench.study.options import Size


class Resize(nn.Module):
    """Resizes maps of `size` to the size `to`.

    The matrices follow from the two sizes, so they are not saved. They are buffers, to move with the module between
    devices, and float64, so that a module in float64 loses no precision.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, size: Size, to: Size) -> None:
        super().__init__()
        self.register_buffer("rows", _matrix(size[0], to[0]), persistent=False)  # (h', h)
        self.register_buffer("columns", _matrix(size[1], to[1]), persistent=False)  # (w', w)

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, w = x.shape
        last = x.permute(0, 2, 3, 1).flatten(2)  # (n, h, w c): products of whole rows need no copy of channels_last
        low = self.rows.to(x.dtype) @ last  # (n, h', w c)
        resized = self.columns.to(x.dtype) @ low.reshape(n, -1, w, c)  # (n, h', w', c)
        return resized.permute(0, 3, 1, 2)


def _matrix(length: int, to: int) -> Tensor:
    """Return the weights (to, length) of the `length` inputs in each of the `to` outputs."""
    source = torch.arange(to, dtype=torch.float64)[:, None] * ((length - 1) / max(1, to - 1))
    return (1 - (source - torch.arange(length)).abs()).clamp(min=0)
