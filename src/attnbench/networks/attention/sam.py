"""CBAM's spatial attention alone: a gate for each position from the maximum and the mean over the channels.

    d = [max of x over C; mean of x over C]                (n, m, h, w),  m = 2
    s = sigmoid(norm(conv_kxk(d)))                         (n, 1, h, w),  padding (k - 1) / 2, no bias
    y = s * x                                              (n, C, h, w)

`descriptor: avg` or `max` keeps one of the two maps, m = 1. `descriptor: conv` learns the map, as in a row of the
paper's second ablation: d = conv_1x1(x), m = 1. The paper mentions no bias for it; here it has none, like the
convolution that follows.
`activation: hardsigmoid` replaces the sigmoid; a tanh or a ReLU would start at 0, with the gate closed.
Any C. Maps may have any size; padding is 0, and at 1x1 only the centre of the kernel is used (a batch of one image then
raises ValueError in train mode, because the norm sees one number). bfloat16 stays bfloat16; pools are rounded once.

Source: Woo et al., equation 3 and table 2; the authors' code, which has a batch norm after the convolution, whose
running statistics have a `momentum` of 0.01.
Start: the weight of the norm is 0, so the gate is the constant 0.5; the kernel comes from He's normal distribution by
fan out, a standard deviation of sqrt(2) / k. Both as in the authors' ResNet. No code of the 1x1 convolution of
`descriptor: conv` is published; it has torch's start.
Parameters: m k^2 + 2; without norm m k^2; `conv` has C more. k = 7: 100, 98; one map 51, 49; `conv` at C = 64: 115.
Differs from: tutorials, which keep torch's start of the kernel (`init: torch`); the paper's text, which has no norm
(`norm: false`); timm's SpatialAttn, whose norm weight starts at 1 (`norm_weight: 1.0, momentum: 0.1`; 100 too) and
which stacks mean before max; External-Attention's, which has k = 49, a bias and no norm (4,803).
"""

import torch
from torch import Tensor, nn

from attnbench.networks import activations, initialisation
from attnbench.networks.gates import Gate
from attnbench.networks.map_convolution import MapConvolution
from attnbench.networks.pooling import max_over_channels, mean_and_max_over_channels, mean_over_channels
from attnbench.study.options import BoundedActivation, Descriptor, Factor, Init, OddInt, odd

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class _LargestAndMean(nn.Module):
    """The authors' descriptor: (n, c, h, w) -> (n, 2, h, w), the maximum first."""

    def forward(self, x: Tensor) -> Tensor:
        mean, largest = mean_and_max_over_channels(x)  # (n, 1, h, w), (n, 1, h, w)
        return torch.cat([largest, mean], dim=1)


class _Mean(nn.Module):
    """The mean over the channels: (n, c, h, w) -> (n, 1, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return mean_over_channels(x)


class _Largest(nn.Module):
    """The maximum over the channels: (n, c, h, w) -> (n, 1, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return max_over_channels(x)


class SpatialAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: OddInt = 7,
        norm: bool = True,
        norm_weight: float = 0.0,
        momentum: Factor = 0.01,
        descriptor: Descriptor = "both",
        activation: BoundedActivation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        self.descriptor = _descriptor(channels, descriptor)
        depth = 2 if descriptor == "both" else 1
        self.conv = MapConvolution(depth, odd(kernel_size))
        if init == "authors":
            initialisation.he_normal(self.conv, "fan_out")
        self.norm: nn.Module = nn.Identity()
        if norm:
            self.norm = nn.BatchNorm2d(1, momentum=momentum)
            nn.init.constant_(self.norm.weight, norm_weight)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        gate: Tensor = self.activation(self.norm(self.conv(self.descriptor(x))))  # (n, 1, h, w)
        return gate


def _descriptor(channels: int, descriptor: Descriptor) -> nn.Module:
    match descriptor:
        case "both":
            return _LargestAndMean()
        case "avg":
            return _Mean()
        case "max":
            return _Largest()
        case "conv":
            return nn.Conv2d(channels, 1, 1, bias=False)
