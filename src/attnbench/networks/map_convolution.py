"""The convolution of a spatial gate, from a few maps to one, implemented for speed on a processor.

With two maps in and one out, a convolution library has hardly any channels to work on: the backward pass of a 7 x 7
kernel takes as long as that of a whole 3 x 3 layer. Here the images of the batch take the role of the channels: one
depthwise convolution per map. The gradient of the kernel is a matrix product per row of the kernel, between shifted
rows of the maps and rows of the incoming gradient; the kernel's row is the sum along the diagonals of that product.
Timings: docs/decisions/005.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, pad

from attnbench.networks.pooling import is_traced

FEWEST_IMAGES = 16  # as many as it takes for images to be better channels than maps
WIDEST = 512  # positions in a row: the product of the kernel's gradient grows with their square


class MapConvolution(nn.Conv2d):
    """A square kernel of odd size over `maps` maps, without bias: (n, maps, h, w) -> (n, 1, h, w), zero padding.

    For a few images, for rows of more than 512 positions, on an accelerator, and while a network is traced to count its
    operators, it is the plain operator. Otherwise bfloat16 maps are convolved in float32, and the result is rounded
    once.
    """

    def __init__(self, maps: int, kernel_size: int) -> None:
        super().__init__(maps, 1, kernel_size, padding=kernel_size // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        if not x.is_cpu or len(x) < FEWEST_IMAGES or x.shape[3] > WIDEST or is_traced():
            return super().forward(x)
        dtype = torch.promote_types(x.dtype, self.weight.dtype)
        with torch.autocast("cpu", enabled=False):  # which would cast to bfloat16 again
            convolved: Tensor = _Convolution.apply(x.to(dtype), self.weight.to(dtype))
        return convolved.to(x.dtype)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        convolved = _depthwise(x[:, :1], weight[0, 0])
        for index in range(1, x.shape[1]):
            convolved += _depthwise(x[:, index : index + 1], weight[0, index])
        return convolved

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        of_x = of_weight = None
        if ctx.needs_input_grad[0]:
            of_x = torch.cat([_depthwise(gradient, kernel.flip(0, 1)) for kernel in weight[0]], dim=1)
        if ctx.needs_input_grad[1]:
            of_weight = _gradient_of_kernel(x, gradient, weight.shape[2])
        return of_x, of_weight


def _depthwise(map_: Tensor, kernel: Tensor) -> Tensor:
    """Return the convolution of one map (n, 1, h, w) with a kernel (k, k), with images as channels."""
    images = map_.transpose(0, 1).contiguous()  # (1, n, h, w)
    n, k = images.shape[1], len(kernel)
    return conv2d(images, kernel.expand(n, 1, k, k), padding=k // 2, groups=n).transpose(0, 1)


def _gradient_of_kernel(x: Tensor, gradient: Tensor, k: int) -> Tensor:
    """Return the gradient (1, m, k, k) of the kernel from the maps (n, m, h, w) and the gradient (n, 1, h, w)."""
    n, m, h, w = x.shape
    rows = gradient.reshape(n * h, w)
    padded = pad(x, (0, 0, k // 2, k // 2)).transpose(0, 1)  # (m, n, h + k - 1, w)
    products = torch.stack(
        [padded[:, :, i : i + h].reshape(m, n * h, w).transpose(1, 2) @ rows for i in range(k)], dim=1
    )  # (m, k, w, w): for each row of the kernel, how columns of the maps meet columns of the gradient
    products = pad(products, (0, 0, k // 2, k // 2))
    return torch.stack([products.diagonal(-i, 2, 3).sum(-1) for i in range(k)], dim=-1)[None]
