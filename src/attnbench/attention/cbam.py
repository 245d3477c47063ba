"""Convolutional block attention: the channel gate of `cam`, then the spatial gate of `sam` on what it let through.

    x' = cam(x) * x                                        (n, C, h, w)
    y  = sam(x') * x'                                      (n, C, h, w)

Source: Woo et al., equation 1; the authors' code (biases in the shared MLP, batch norm in the spatial gate).
Parameters: 2Cd + d + C + 2k^2 + 2, d = max(1, C // r). C = 64, r = 16, k = 7: 680; no biases, no norm: 610.
Differs from: timm's CbamModule (no biases, norm weight 1, C / r rounded to the nearest integer, mean before max; with
`bias: false, norm_weight: 1.0` the same function wherever r divides C); many tutorials, which have neither biases nor
norm (`bias: false, norm: false`).
"""

from torch import Tensor

from attnbench.attention import cam, sam
from attnbench.attention._contract import Attention
from attnbench.families import OddInt, PositiveInt, Rounding

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class CBAM(Attention):
    """Channel gate first, spatial gate second, as in the header."""

    def __init__(self, channel: cam.ChannelAttention, spatial: sam.SpatialAttention) -> None:
        super().__init__()
        self.channel = channel
        self.spatial = spatial

    def forward(self, x: Tensor) -> Tensor:
        attended: Tensor = self.spatial(self.channel(x))
        return attended

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        channel = self.channel.gate(x)  # (n, c, 1, 1)
        return {"channel": channel, "spatial": self.spatial.gate(x * channel)}


def parameter_count(
    channels: int,
    *,
    reduction: PositiveInt = 16,
    bias: bool = True,
    rounding: Rounding = "floor",
    kernel_size: OddInt = 7,
    norm: bool = True,
    norm_weight: float = 0.0,
) -> int:
    """Return the exact number of parameters."""
    return cam.parameter_count(channels, reduction=reduction, bias=bias, rounding=rounding) + sam.parameter_count(
        channels, kernel_size=kernel_size, norm=norm, norm_weight=norm_weight
    )


def build(
    channels: int,
    *,
    reduction: PositiveInt = 16,
    bias: bool = True,
    rounding: Rounding = "floor",
    kernel_size: OddInt = 7,
    norm: bool = True,
    norm_weight: float = 0.0,
) -> CBAM:
    """Return the module for `channels` feature maps."""
    return CBAM(
        cam.build(channels, reduction=reduction, bias=bias, rounding=rounding),
        sam.build(channels, kernel_size=kernel_size, norm=norm, norm_weight=norm_weight),
    )
