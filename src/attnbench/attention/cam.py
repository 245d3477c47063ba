"""CBAM's channel attention alone: a gate for each channel from its mean and its maximum.

    s = sigmoid(MLP(mean of x over (h, w)) + MLP(max of x over (h, w)))    (n, C)
    MLP(z) = W2 relu(W1 z + b1) + b2                                       W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = s * x                                                              (n, C, h, w)

Source: Woo et al., equation 2; the authors' code, which has both biases (the second enters the sum twice).
Parameters: 2Cd + d + C; without biases 2Cd. C = 64, r = 16: 580, 512.
Differs from: timm's ChannelAttn, which has no biases (`bias: false`) and rounds C / r to the nearest integer, not down.
"""

from torch import Tensor

from attnbench.attention._bottleneck import Bottleneck, as_gate, bottleneck_parameters
from attnbench.attention._contract import Gate
from attnbench.attention._pooling import mean_and_max_over_positions
from attnbench.families import PositiveInt, Rounding

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class ChannelAttention(Gate):
    """The gate of the header; `reduction` is r."""

    def __init__(self, channels: int, *, reduction: int, bias: bool, rounding: Rounding) -> None:
        super().__init__()
        self.mlp = Bottleneck(channels, reduction=reduction, bias=bias, rounding=rounding)

    def gate(self, x: Tensor) -> Tensor:
        mean, largest = mean_and_max_over_positions(x)  # (n, c), (n, c)
        return as_gate(self.mlp(mean) + self.mlp(largest))  # (n, c, 1, 1)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"channel": self.gate(x)}


def parameter_count(
    channels: int, *, reduction: PositiveInt = 16, bias: bool = True, rounding: Rounding = "floor"
) -> int:
    """Return the exact number of parameters."""
    return bottleneck_parameters(channels, reduction=reduction, bias=bias, rounding=rounding)


def build(
    channels: int, *, reduction: PositiveInt = 16, bias: bool = True, rounding: Rounding = "floor"
) -> ChannelAttention:
    """Return the module for `channels` feature maps."""
    return ChannelAttention(channels, reduction=reduction, bias=bias, rounding=rounding)
