"""Efficient multi-scale attention: a spatial gate for each group of channels, from strips and from a 3x3 window.

Every group of C / G channels is treated alike, with the same weights:

    r, c = sigmoid(W mean of x over w + b), sigmoid(W mean of x over h + b)    (n, C / G, h, 1), (n, C / G, 1, w)
    p = GN(r * c * x)                                      (n, C / G, h, w),  each channel standardised over (h, w)
    q = conv3x3(x)                                         (n, C / G, h, w),  with bias
    s = sigmoid(softmax(mean of p) q + softmax(mean of q) p)    (n, 1, h, w),  sums over the channels of the group
    y = s * x                                              (n, C, h, w)

W, b: a 1x1 convolution C / G -> C / G for both strips. The softmaxes run over the C / G channels of the means over
(h, w). Because GN standardises over (h, w), the mean of p is the bias of GN: the weights of q are the same for every
image, and here they are computed from the bias.
There are gcd(C, G) groups, G = 32, so that every C works, also if G does not divide it. Where C divides G, as up to C =
32 in common networks, a group is one channel and both softmaxes are 1.
`activation: hardsigmoid` replaces the sigmoids.
Maps may have any size; at 1x1 p is the bias of GN. bfloat16 stays bfloat16; means are rounded once.

Source: Ouyang et al., the section on EMA; the authors' code. `groups` is their factor, G.
Start: torch's, as in the authors' module.
Parameters: 10 (C / G)^2 + 4 C / G. C = 16, 64, 128, 256: 14, 48, 176, 672.
Differs from: the authors' code, where C / G is below 1 or no integer: it raises an error there; copies for detectors,
which have 8 groups (`groups: 8`; 672 at C = 64). timm has none. Nothing is averaged over training steps: this EMA is no
exponential moving average.
"""

from math import gcd

import torch
from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.channel_groups import grouped, shared, ungrouped
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import BoundedActivation, PositiveInt

PAPER = (
    "Ouyang, He, Zhang, Luo, Guo, Zhan, Huang: Efficient Multi-Scale Attention Module with Cross-Spatial Learning. "
    "ICASSP 2023. arXiv:2305.13563"
)


class EfficientMultiscaleAttention(Gate):
    """The gate of the header."""

    def __init__(self, channels: int, *, groups: PositiveInt = 32, activation: BoundedActivation = "sigmoid") -> None:
        super().__init__()
        self.groups = gcd(channels, groups)
        width = channels // self.groups
        self.strips = nn.Linear(width, width)
        self.window = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.GroupNorm(width, width)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        near, far = self._of_strips(x), self._of_windows(x)  # p and q
        means = mean_over_positions(ungrouped(far)).view(x.shape[0], self.groups, -1)  # (n, g, c / g)
        of_near, of_far = means.softmax(2)[:, None, None], self.norm.bias.softmax(0)
        gate: Tensor = self.activation((far * of_far + near * of_near).sum(4))  # (n, h, w, g)
        return shared(gate, means.shape[2]).to(x.dtype)

    def _of_strips(self, x: Tensor) -> Tensor:
        """Return p of the header, (n, h, w, g, c / g)."""
        h, w = x.shape[2:]
        last = grouped(x, self.groups)
        rows = self.activation(self.strips(last.sum(2) * (1 / w)))  # (n, h, g, c / g)
        columns = self.activation(self.strips(last.sum(1) * (1 / h)))  # (n, w, g, c / g)
        gated = ungrouped(last * rows[:, :, None] * columns[:, None])  # (n, c, h, w)
        weight, bias = self.norm.weight.repeat(self.groups), self.norm.bias.repeat(self.groups)
        return grouped(torch.group_norm(gated, len(weight), weight, bias, self.norm.eps), self.groups)

    def _of_windows(self, x: Tensor) -> Tensor:
        """Return q of the header, (n, h, w, g, c / g)."""
        weight, bias = self.window.weight.repeat(self.groups, 1, 1, 1), self.window.bias
        repeated = None if bias is None else bias.repeat(self.groups)
        return grouped(nn.functional.conv2d(x, weight, repeated, padding=1, groups=self.groups), self.groups)
