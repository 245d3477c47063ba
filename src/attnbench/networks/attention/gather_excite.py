"""Gather-excite: a gate from the neighbourhood of every position in each channel, local or global.

    z = gather(x)                                          (n, C, ceil(h / e), ceil(w / e));  global: (n, C, 1, 1)
    s = sigmoid(interpolate(excite(z)))                    (n, C, h, w), nearest neighbour;   global: (n, C, 1, 1)
    y = s * x                                              (n, C, h, w)

    flavour        gather, extent e                         gather, global                  excite
    theta_minus    mean of windows of 2e - 1, stride e      mean over (h, w)                nothing
    theta          log2(e) layers: conv3x3 - BN             conv of h x w - BN              nothing
    theta_plus     the same - ReLU                          the same - ReLU                 W2 relu(W1 z + b1) + b2

Convolutions are depth-wise, without bias; those of 3x3 have stride 2, padding 1 and a ReLU between them.
`gather_bias: true` gives each of them a bias (`theta_minus` has no convolution). The norm that
follows cancels it: in training, the bias gets no gradient and changes nothing.
W1: (d, C), W2: (C, d), d = max(1, C // r), at every position of z. At the border, a window averages the positions that
lie inside the map.
Below C = r there is one unit. A global `theta` or `theta_plus` is tied to one `size` of map; the others accept any. A
map smaller than e is one window. Where z has 1 x 1 positions, its norm sees one number for a batch of one image and
raises ValueError in train mode. bfloat16 stays bfloat16; means are rounded once.

Source: Hu et al.; the authors' Caffe networks (global). For smaller extents they only give drawings, and none for
`theta_plus`: here the excitation acts on z before the interpolation. They do not say how the border is averaged.
Start: the convolutions come from He's normal distribution by fan in, W1 and W2 from one of standard deviation 0.01, and
biases are 0, as in the authors' networks; `init: torch` has torch's.
Parameters: theta_minus 0; theta C h w + 2C, extent e 11 C log2(e); theta_plus 2Cd + d + C more, `bias: false` 2Cd. C =
64, r = 16, 8 x 8: 0, 4,224, 4,804; e = 8: 0, 2,112, 2,692. `gather_bias` C more, extent e C log2(e).
Differs from: timm's GatherExcite, which by default has the excitation even without parameters to gather (then it is
`se`), and no ReLU before it; BayesWatch's, which has no biases (`bias: false`) and adaptive pools for the windows; the
SRM authors', which has `gather_bias: true` (ResNet-50 31,121,704, where the authors' has 31,106,600).
"""

from math import log2
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, conv2d, interpolate

from attnbench.networks import initialisation
from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import Init, PositiveInt, Size

PAPER = (
    "Hu, Shen, Albanie, Sun, Vedaldi: Gather-Excite: Exploiting Feature Context in Convolutional Neural Networks. "
    "NeurIPS 2018. arXiv:1810.12348"
)


class GatherExcite(Gate):
    """The gate of the header; `reduction` is r, `extent` is e."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        flavour: Literal["theta_minus", "theta", "theta_plus"] = "theta",
        extent: Literal["global", 2, 4, 8] = "global",
        reduction: PositiveInt = 16,
        bias: bool = True,
        gather_bias: bool = False,
        init: Init = "authors",
    ) -> None:
        super().__init__()
        self.is_global = extent == "global"
        self.gather: nn.Module
        if flavour == "theta_minus":
            self.gather = _WholeMean() if extent == "global" else _WindowMeans(extent)
        elif extent == "global":
            self.gather = nn.Sequential(
                _MapSizedConvolution(channels, size, bias=gather_bias), nn.BatchNorm2d(channels)
            )
        else:
            self.gather = _strided(channels, int(log2(extent)), bias=gather_bias)
        self.excite: nn.Module = nn.Identity()
        if flavour == "theta_plus":
            self.excite = _excitation(channels, hidden_width(channels, reduction), bias=bias)
        if init == "authors":
            initialisation.he_normal(self.gather, "fan_in")
            initialisation.normal(self.excite, std=0.01)

    def gate(self, x: Tensor) -> Tensor:
        # the sigmoid comes before the interpolation, where positions are fewer: copying values commutes with it
        gate: Tensor = self.excite(self.gather(x)).sigmoid()
        whole = gate if self.is_global else interpolate(gate, size=x.shape[2:])
        return whole.to(x.dtype)  # last, because autocast on CUDA interpolates in float32


class _WholeMean(nn.Module):
    """The mean over the map: (n, c, h, w) -> (n, c, 1, 1)."""

    def forward(self, x: Tensor) -> Tensor:
        return mean_over_positions(x)[:, :, None, None]


class _WindowMeans(nn.Module):
    """Means of windows of 2e - 1 around every e-th position: (n, c, h, w) -> (n, c, ceil(h / e), ceil(w / e))."""

    def __init__(self, extent: int) -> None:
        super().__init__()
        self.extent = extent

    def forward(self, x: Tensor) -> Tensor:
        e = self.extent
        return avg_pool2d(x, 2 * e - 1, stride=e, padding=e - 1, count_include_pad=False)


class _MapSizedConvolution(nn.Conv2d):
    """A depth-wise convolution with a kernel as large as the map: (n, c, h, w) -> (n, c, 1, 1).

    Raises ValueError for a map of another size.
    """

    def __init__(self, channels: int, size: Size, *, bias: bool) -> None:
        super().__init__(channels, channels, size, groups=channels, bias=bias)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        if (h, w) != self.size:
            raise ValueError(
                f"this gather_excite is built for maps of {self.size[0]} x {self.size[1]} and got {h} x {w}; a global "
                "extent with parameters has a weight for every position. Use an extent of 2, 4 or 8, or theta_minus"
            )
        if torch.is_grad_enabled() and not torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call]
            summed: Tensor = _MapSizedSum.apply(x, self.weight, self.bias)
            return summed
        return conv2d(x, self.weight, self.bias, groups=x.shape[1])


class _MapSizedSum(torch.autograd.Function):
    """The convolution with its own backward pass, because torch's is slow for kernels as large as the map.

    On one CPU thread, with 128 channels_last images, torch's takes six times as long at 32 x 32 x 32 and 64 x 16 x 16,
    and 1.2 to 2 times as long at 128 x 8 x 8 and 256 x 4 x 4.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return conv2d(x, weight, bias, groups=x.shape[1])

    @staticmethod
    def backward(ctx: Any, of_sum: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
        x, weight = ctx.saved_tensors
        n, c, h, w = x.shape
        kernel = weight.flatten(1).t().to(of_sum.dtype).contiguous()  # (h w, c), in the order of channels_last
        of_x = (of_sum.reshape(n, 1, c) * kernel).view(n, h, w, c).permute(0, 3, 1, 2)
        of_weight = (x * of_sum).sum(0, dtype=weight.dtype)[:, None]  # (c, 1, h, w)
        of_bias = of_sum.sum((0, 2, 3), dtype=weight.dtype) if ctx.needs_input_grad[2] else None
        return of_x.to(x.dtype), of_weight, of_bias


def _strided(channels: int, layers: int, *, bias: bool) -> nn.Sequential:
    """Return depth-wise 3x3 convolutions, each with a norm, that halve the map `layers` times."""
    stack: list[nn.Module] = []
    for _ in range(layers):
        convolution = nn.Conv2d(channels, channels, 3, stride=2, padding=1, groups=channels, bias=bias)
        stack += [convolution, nn.BatchNorm2d(channels), nn.ReLU()]
    return nn.Sequential(*stack[:-1])


def _excitation(channels: int, width: int, *, bias: bool) -> nn.Sequential:
    """Return the layers that follow the norm of z, starting with the ReLU."""
    down, up = nn.Conv2d(channels, width, 1, bias=bias), nn.Conv2d(width, channels, 1, bias=bias)
    return nn.Sequential(nn.ReLU(), down, nn.ReLU(), up)
