"""Efficient channel attention: a gate for each channel from the means of its neighbours in channel order.

    z = mean of x over (h, w)                              (n, C)
    s = sigmoid(conv1d_k(z))                               (n, C),  one kernel shared by all channels, zero padding
    y = s * x                                              (n, C, h, w)
    kernel_size: adaptive      k = t if t is odd else t + 1,  t = int(|(log2(C) + b) / gamma|), and at least 3

`shared: false` is the paper's ECA-NS: channel c has its own kernel w_c,
    s_c = sigmoid(sum over i of w_c[i] z[c + i - (k - 1) / 2])

A module sees its width, not its stage. `adaptive` with other `gamma` and `b` gives each stage the kernel that it has in
the authors' released ResNets:

    ResNet-18           3-5-7-7 at C = 64..512        gamma 0.75, b -3.25
    ResNet-34           3-3-5-7 at C = 64..512        gamma 0.75, b -4.25
    ResNet-50           3-5-5-7 at C = 256..2048      gamma 1.0, b -5.0
    ResNet-101, -152    3-3-5-7 at C = 256..2048      gamma 0.75, b -6.25

There is no reduction. `activation: hardsigmoid` replaces the sigmoid. Where C < k, the window extends beyond the
channels; the weights there see zeros and get no gradient. Maps may have any size; at 1x1 z is x itself. bfloat16 stays
bfloat16; the mean is rounded once.

Source: Wang et al., equations 9 and 12 with gamma = 2 and b = 1, table 2 (ECA-NS); the authors' released code, which
uses k = 3 at every width unless kernels are given explicitly, and does not contain the rule of equation 12.
Start: torch's, as in the authors' ResNets, which start 2-d convolutions otherwise but not this one.
Parameters: k = 3. `adaptive` C = 16..64: 3, 128..1024: 5, 2048: 7. Not shared: kC; C = 64: 192.
Differs from: the paper, whose kernel grows with the width (`kernel_size: adaptive`; ResNet-50 has 86 weights by the
rule, 80 with the authors' 3-5-5-7, 48 with 3 everywhere); the rule as printed, which gives k = 1 below C = 8;
External-Attention's, which has a bias (4). timm's EcaModule also has k = 3, and applies the rule if it knows the width.
"""

from math import log2
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import pad

from attnbench.networks import activations
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import BoundedActivation, OddInt, PositiveFloat, odd

PAPER = (
    "Wang, Wu, Zhu, Li, Zuo, Hu: ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks. "
    "CVPR 2020. arXiv:1910.03151"
)


def _adaptive_kernel(channels: int, gamma: float, b: float) -> int:
    """Return the kernel size of the rule in the header: odd, at least 3."""
    t = int(abs((log2(channels) + b) / gamma))
    return max(3, t if t % 2 else t + 1)


class _Banded(nn.Module):
    """A kernel per channel over its neighbours: (n, 1, C) -> (n, 1, C), zeros beyond the first and the last channel."""

    def __init__(self, channels: int, kernel_size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(channels, kernel_size))
        nn.init.uniform_(
            self.weight, -(kernel_size**-0.5), kernel_size**-0.5
        )  # torch's initialisation of a depth-wise Conv1d

    def forward(self, z: Tensor) -> Tensor:
        k = self.weight.shape[1]
        windows = pad(z, (k // 2, k // 2)).unfold(2, k, 1)  # (n, 1, c, k)
        return torch.einsum("nack,ck->nac", windows, self.weight)


class EfficientChannelAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: OddInt | Literal["adaptive"] = 3,
        gamma: PositiveFloat = 2.0,
        b: float = 1.0,
        shared: bool = True,
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()
        k = _adaptive_kernel(channels, gamma, b) if kernel_size == "adaptive" else odd(kernel_size)
        self.conv = nn.Conv1d(1, 1, k, padding=k // 2, bias=False) if shared else _Banded(channels, k)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        gate: Tensor = self.activation(self.conv(mean_over_positions(x)[:, None]))  # (n, 1, c)
        return gate[:, 0, :, None, None]  # (n, c, 1, 1)
