"""Bilinear resizing of feature maps, corners on corners, as two products with constant matrices.

    y = R_h x R_w^T in every channel                       (n, c, h, w) -> (n, c, h', w')
    R_h[i, j] = max(0, 1 - |i (h - 1) / (h' - 1) - j|)     (h', h),  R_w alike;  one row or column comes of the first

The weights and the sums are those of torch's `interpolate(mode="bilinear", align_corners=True)`, whose gradient on CUDA
is added up in any order and so does not repeat; that of a product does. The products count as what they are: c h' w (h
+ w') multiply-adds.
"""

import torch
from torch import Tensor, nn

from attnbench.study.options import Size


class Resize(nn.Module):
    """The formula of the header, for maps of one size.

    Its matrices follow from the two sizes, so they are no part of the state that is saved; they are buffers to go where
    the module goes, in float64 since it may be told to compute in that.
    """

    rows: Tensor
    columns: Tensor

    def __init__(self, size: Size, to: Size) -> None:
        super().__init__()
        self.register_buffer("rows", _matrix(size[0], to[0]), persistent=False)  # (h', h)
        self.register_buffer("columns", _matrix(size[1], to[1]), persistent=False)  # (w', w)

    def forward(self, x: Tensor) -> Tensor:
        n, c, _, w = x.shape
        last = x.permute(0, 2, 3, 1).flatten(2)  # (n, h, w c), as products of whole rows need no copy of channels_last
        low = self.rows.to(x.dtype) @ last  # (n, h', w c)
        resized = self.columns.to(x.dtype) @ low.reshape(n, -1, w, c)  # (n, h', w', c)
        return resized.permute(0, 3, 1, 2)


def _matrix(length: int, to: int) -> Tensor:
    """Return what each of `to` positions takes of each of `length`, (to, length)."""
    taken = torch.arange(to, dtype=torch.float64)[:, None] * ((length - 1) / max(1, to - 1))
    return (1 - (taken - torch.arange(length)).abs()).clamp(min=0)
