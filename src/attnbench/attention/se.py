"""Squeeze-and-excitation: a gate for each channel from the mean of every channel.

    z = mean of x over (h, w)                              (n, C)
    s = sigmoid(W2 relu(W1 z + b1) + b2)                   (n, C),  W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = s * x                                              (n, C, h, w)

Source: Hu et al., equations 2-4; the authors' Caffe networks, which have both biases.
Parameters: 2Cd + d + C; without biases 2Cd. C = 64, r = 16: 580, 512.
Differs from: the paper's later text and its ablations, which leave the biases out (`bias: false`); timm's SEModule,
whose bottleneck is rounded to a multiple of 8 (`rounding: div8`; 1,096 at C = 64).
"""

from torch import Tensor

from attnbench.attention._bottleneck import Bottleneck, as_gate, bottleneck_parameters
from attnbench.attention._contract import Gate
from attnbench.attention._pooling import mean_over_positions
from attnbench.families import PositiveInt, Rounding

PAPER = "Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks. IEEE TPAMI 42(8), 2020. arXiv:1709.01507"


class SqueezeExcitation(Gate):
    """The gate of the header; `reduction` is r."""

    def __init__(self, channels: int, *, reduction: int, bias: bool, rounding: Rounding) -> None:
        super().__init__()
        self.excitation = Bottleneck(channels, reduction=reduction, bias=bias, rounding=rounding)

    def gate(self, x: Tensor) -> Tensor:
        return as_gate(self.excitation(mean_over_positions(x)))  # (n, c, 1, 1)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"channel": self.gate(x)}


def parameter_count(
    channels: int, *, reduction: PositiveInt = 16, bias: bool = True, rounding: Rounding = "floor"
) -> int:
    """Return the exact number of parameters."""
    return bottleneck_parameters(channels, reduction=reduction, bias=bias, rounding=rounding)


def build(
    channels: int, *, reduction: PositiveInt = 16, bias: bool = True, rounding: Rounding = "floor"
) -> SqueezeExcitation:
    """Return the module for `channels` feature maps."""
    return SqueezeExcitation(channels, reduction=reduction, bias=bias, rounding=rounding)
