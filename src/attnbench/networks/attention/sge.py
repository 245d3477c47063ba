"""Spatial group-wise enhance: a gate for each position and group of channels, from its similarity to the group's mean.

    m = mean of x over (h, w)                              (n, C)
    t = sum of m * x over the channels of each group       (n, G, h, w),  groups of C / G consecutive channels
    u = (t - mean of t over (h, w)) / (deviation of t over (h, w) + 1e-5)    (n, G, h, w)
    s = sigmoid(a u + b)                                   (n, G, h, w),  a, b: (G,)
    y = s * x                                              (n, C, h, w),  s repeated for the channels of its group

The deviation divides the sum of squares by h w - 1. There are gcd(C, G) groups, G = 64, so that every C works, also if
G does not divide it. Where C divides G, as up to C = 64 in common networks, each channel is a group of its own.
`activation: hardsigmoid` replaces the sigmoid.
Maps may have any size; at 1x1, where the deviation is undefined, u is 0 and the gate is sigmoid(b). bfloat16 stays
bfloat16; means, similarities and deviations are rounded.

Source: Li et al., equations 1-5; the authors' code (PytorchInsight). `groups` is G.
Start: a is 0 and b is 1, so the gate is the constant sigmoid(1) = 0.73; as in the authors' code.
Parameters: 2 gcd(C, G). C = 16, 64, 256: 32, 128, 128.
Differs from: the paper, whose deviation divides by h w; the authors' code at 1x1, where it gives NaN, and where G does
not divide C, where it raises an error; External-Attention's, whose b starts at 0, so that its gate starts at 0.5. timm
has none.
"""

from math import gcd

import torch
from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.channel_groups import grouped, shared
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import BoundedActivation, PositiveInt

PAPER = (
    "Li, Hu, Yang: Spatial Group-wise Enhance: Improving Semantic Feature Learning in Convolutional Networks. 2019. "
    "arXiv:1905.09646"
)


class SpatialGroupEnhance(Gate):
    """The gate of the header."""

    def __init__(self, channels: int, *, groups: PositiveInt = 64, activation: BoundedActivation = "sigmoid") -> None:
        super().__init__()
        self.groups = gcd(channels, groups)
        self.weight = nn.Parameter(torch.zeros(self.groups))
        self.bias = nn.Parameter(torch.ones(self.groups))
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        means = mean_over_positions(x).view(x.shape[0], self.groups, -1)  # (n, g, c / g)
        similarity = (grouped(x, self.groups) * means[:, None, None]).sum(4)  # (n, h, w, g)
        gate: Tensor = self.activation(_normalised(similarity) * self.weight + self.bias)
        return shared(gate, means.shape[2]).to(x.dtype)


def _normalised(similarity: Tensor) -> Tensor:
    """Return u of the header for t (n, h, w, g). The gradient of a deviation of 0 is 0."""
    positions = similarity.shape[1] * similarity.shape[2]
    centred = similarity - similarity.sum((1, 2), keepdim=True) * (1 / positions)
    norm: Tensor = torch.linalg.vector_norm(centred, dim=(1, 2), keepdim=True)
    deviation: Tensor = norm * (1 / max(1, positions - 1)) ** 0.5  # (n, 1, 1, g)
    return centred * (deviation + 1e-5).reciprocal()
