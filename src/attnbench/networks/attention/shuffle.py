"""Shuffle attention: in every group of channels, one half has channel gates and the other half spatial gates.

    x = [p, q] in each of G groups                         (n, C / 2G, h, w) each
    s = sigmoid(a1 * mean of p over (h, w) + b1)           (n, C / 2G, 1, 1)
    t = sigmoid(a2 * (c u + d) + b2)                       (n, C / 2G, h, w),  u: q standardised over (h, w)
    y = shuffle of [s * p, t * q] of all groups            (n, C, h, w)

a1, b1, c, d, a2 and b2 have C / 2G numbers, which all groups share; no channel sees another. The shuffle interleaves
the first half of all C channels with the second: channels 0, C / 2, 1, C / 2 + 1, and so on. `shuffle: false` omits it;
the module then scales x and nothing else.
There are gcd(C / 2, G) groups, G = 64, so that every even C works; an odd C is refused. Where C / 2 divides G, as up to
C = 128 in common networks, a half is one channel.
`activation: hardsigmoid` replaces both sigmoids.
Maps may have any size; at 1x1 u is 0. bfloat16 stays bfloat16; means are rounded once.

Source: Zhang and Yang, equations 1-5; the authors' code (SA-Net). `groups` is G.
Start: a1 and a2 are 0, b1 and b2 are 1, c is 1 and d is 0, so every gate is sigmoid(1) = 0.73; as in the authors' code.
Parameters: 3C / gcd(C / 2, G). C = 64, 256, 512: 6, 12, 24.
Differs from: the authors' code where 2G does not divide C: its shapes do not fit there; External-Attention's, which has
G = 8 (`groups: 8`; 24 at C = 64). timm has none.
"""

from collections.abc import Mapping
from math import gcd

import torch
from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.channel_groups import grouped, shuffled, ungrouped
from attnbench.networks.gates import Attention, gate_maps
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import BoundedActivation, PositiveInt

PAPER = "Zhang, Yang: SA-Net: Shuffle Attention for Deep Convolutional Neural Networks. ICASSP 2021. arXiv:2102.00240"


class ShuffleAttention(Attention):
    """The formula of the header."""

    def __init__(
        self,
        channels: int,
        *,
        groups: PositiveInt = 64,
        shuffle: bool = True,
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()
        if channels % 2:
            raise ValueError(
                f"{channels} channels have no two halves; allowed: even numbers of channels, such as {channels + 1}"
            )
        self.groups = gcd(channels // 2, groups)
        width = channels // (2 * self.groups)
        self.channel_weight = nn.Parameter(torch.zeros(width))
        self.channel_bias = nn.Parameter(torch.ones(width))
        self.spatial_weight = nn.Parameter(torch.zeros(width))
        self.spatial_bias = nn.Parameter(torch.ones(width))
        self.norm = nn.GroupNorm(width, width)
        self.shuffle = shuffle
        self.activation = activations.named(activation)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return {"gate": self._gate(x)}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        gated = x * modulation["gate"]
        return shuffled(gated, 2) if self.shuffle else gated

    def _gate(self, x: Tensor) -> Tensor:
        halves = grouped(x, 2 * self.groups)  # (n, h, w, 2 g, c / 2g), the halves of each group in turn
        means = mean_over_positions(x).view(x.shape[0], 2 * self.groups, -1)[:, ::2]  # (n, g, c / 2g)
        by_channel = self.activation(means * self.channel_weight + self.channel_bias)
        standardised = self._normalised(halves[:, :, :, 1::2])
        by_position = self.activation(standardised * self.spatial_weight + self.spatial_bias)  # (n, h, w, g, c / 2g)
        pair = [by_channel[:, None, None].expand_as(by_position), by_position]
        return ungrouped(torch.stack(pair, dim=4).flatten(3, 4)).to(x.dtype)

    def _normalised(self, half: Tensor) -> Tensor:
        """Return c u + d of the header for q (n, h, w, g, c / 2g), with one norm for every channel of every image."""
        weight, bias = self.norm.weight.repeat(self.groups), self.norm.bias.repeat(self.groups)
        return grouped(torch.group_norm(ungrouped(half), len(weight), weight, bias, self.norm.eps), self.groups)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return gate_maps(self._gate(x), x)

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor | None:
        return None if self.shuffle else modulation["gate"]
