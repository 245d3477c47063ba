"""Selective kernel: two convolutions of different reach, mixed by weights that each channel chooses.

    u1 = relu(BN(conv3x3(x))),  u2 = relu(BN(conv3x3 of dilation 2 (x)))    (n, C, h, w), grouped, no bias
    z  = relu(BN(W1 (mean of u1 + u2 over (h, w))))        (n, d),  W1: (d, C), d = max(C // r, L), no bias
    a1, a2 = softmax over the two halves of W2 z           (n, C) twice, a1 + a2 = 1,  W2: (2C, d), no bias
    y  = a1 * u1 + a2 * u2                                 (n, C, h, w)

This is an adaptation: in the paper, these convolutions replace the 3x3 convolution of a block; here they are one more
layer after whatever precedes the slot. No shortcut carries x past them, so `start: identity` deserves a comparison.
The convolutions have gcd(C, G) groups, G = 32, so that every C works, also if G does not divide it (16 groups at C =
16). Maps may have any size; padding is 0, and at 1x1 only the centres of the kernels are used. In train mode a batch of
one image raises ValueError, because the norm of z sees one number. bfloat16 stays bfloat16.

Source: Li et al., section 3.1; the authors' Caffe networks. r is `reduction`, L `minimum_width`.
Start: the convolutions come from He's normal distribution by fan in, W1 and W2 from one of standard deviation 0.01, as
in the authors' networks; `init: torch` has torch's.
Parameters: 18 C^2 / gcd(C, G) + 4C + 3Cd + 2d. C = 64, r = 16, L = 32: 8,768, of which the attention 6,208.
Differs from: the authors' networks, only in its position; timm's SelectiveKernel, which splits the input channels
between the two convolutions and has d = C / 16 rounded to a multiple of 8, at least 8; External-Attention's, which has
full convolutions of 1, 3, 5 and 7 with biases and no norm or ReLU on z (355,360 at C = 64); pytorch-attention's, whose
W1 and W2 have biases.
"""

from collections.abc import Mapping
from math import gcd

from torch import Tensor, nn

from attnbench.networks import initialisation
from attnbench.networks.gates import Attention
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import Init, PositiveInt

PAPER = "Li, Wang, Hu, Yang: Selective Kernel Networks. CVPR 2019. arXiv:1903.06586"

_DILATIONS = (1, 2)


class SelectiveKernel(Attention):
    """The formula of the header."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        minimum_width: PositiveInt = 32,
        groups: PositiveInt = 32,
        init: Init = "authors",
    ) -> None:
        super().__init__()
        d = max(channels // reduction, minimum_width)
        self.branches = nn.ModuleList(_branch(channels, gcd(channels, groups), dilation) for dilation in _DILATIONS)
        self.descriptor = nn.Sequential(nn.Linear(channels, d, bias=False), nn.BatchNorm1d(d), nn.ReLU())
        self.selection = nn.Linear(d, 2 * channels, bias=False)
        if init == "authors":
            initialisation.he_normal(self.branches, "fan_in")
            initialisation.normal(self.descriptor, std=0.01)
            initialisation.normal(self.selection, std=0.01)

    def forward(self, x: Tensor) -> Tensor:  # the branches are computed once
        near, far = self._branches(x)
        return _mixed(near, far, *self._weights(near, far)).to(x.dtype)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        near, far = self._weights(*self._branches(x))
        return {"near": near, "far": far}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return _mixed(*self._branches(x), modulation["near"], modulation["far"]).to(x.dtype)

    def _branches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        near, far = (branch(x) for branch in self.branches)
        return near, far

    def _weights(self, near: Tensor, far: Tensor) -> Tensor:
        z = self.descriptor(mean_over_positions(near + far))  # (n, d)
        logits: Tensor = self.selection(z).unflatten(1, (2, -1))  # (n, 2, c)
        return logits.softmax(1).to(near.dtype).transpose(0, 1)[..., None, None]  # (2, n, c, 1, 1)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return as `channel` a2, the weight of the dilated convolution; the weight of the other is 1 - a2."""
        return {"channel": self._weights(*self._branches(x))[1]}


def _mixed(near: Tensor, far: Tensor, of_near: Tensor, of_far: Tensor) -> Tensor:
    return near * of_near + far * of_far


def _branch(channels: int, groups: int, dilation: int) -> nn.Sequential:
    convolution = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels), nn.ReLU())
