"""Convolutional block attention: the channel gate of `cam`, then the spatial gate of `sam` on the result.

    x' = cam(x) * x                                        (n, C, h, w)
    y  = sam(x') * x'                                      (n, C, h, w)

`arrangement: spatial_first` swaps the gates: x' = sam(x) * x, y = cam(x') * x'. With `parallel` both gates see the
input: y = cam(x) * sam(x) * x. The paper's third ablation has such a row, but no formula for it was found; this product
differs from the other two arrangements only in the input of each gate.
`activation: hardsigmoid` replaces both sigmoids.
Below C = r the channel gate has one unit. Maps may have any size (1x1: see `sam`). bfloat16 stays bfloat16.

Source: Woo et al., equation 1 and table 3; the authors' code (biases in the shared MLP, a norm in the spatial gate).
Start: that of `cam` and `sam`, which is that of the authors' ResNet.
Parameters: those of `cam` and `sam`: 2Cd + d + C + 2k^2 + 2, d = max(1, C // r). C = 64, r = 16, k = 7: 680; no biases,
no norm: 610. The same for every arrangement.
Differs from: timm's CbamModule (no biases, norm weight 1, C / r rounded to the nearest integer, mean before max; with
`bias: false, norm_weight: 1.0` the same function wherever r divides C, 612); many tutorials, which have neither biases
nor norm (`bias: false, norm: false`, 610) and keep torch's start (`init: torch`); External-Attention's CBAMBlock (k =
49, a residual sum; 5,315).
"""

from collections.abc import Mapping

from torch import Tensor

from attnbench.networks.attention.cam import ChannelAttention
from attnbench.networks.attention.sam import SpatialAttention
from attnbench.networks.gates import Attention
from attnbench.study.options import (
    Arrangement,
    BoundedActivation,
    Descriptor,
    Factor,
    Init,
    OddInt,
    PositiveInt,
    Rounding,
    Squeeze,
)

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class CBAM(Attention):
    """Both gates in the arrangement of the header."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        bias: bool = True,
        rounding: Rounding = "floor",
        squeeze: Squeeze = "both",
        kernel_size: OddInt = 7,
        norm: bool = True,
        norm_weight: float = 0.0,
        momentum: Factor = 0.01,
        descriptor: Descriptor = "both",
        arrangement: Arrangement = "channel_first",
        activation: BoundedActivation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        self.channel = ChannelAttention(
            channels,
            reduction=reduction,
            bias=bias,
            rounding=rounding,
            squeeze=squeeze,
            activation=activation,
            init=init,
        )
        self.spatial = SpatialAttention(
            channels,
            kernel_size=kernel_size,
            norm=norm,
            norm_weight=norm_weight,
            momentum=momentum,
            descriptor=descriptor,
            activation=activation,
            init=init,
        )
        self.arrangement = arrangement

    def forward(self, x: Tensor) -> Tensor:  # each gate is computed and applied in one step
        attended: Tensor
        match self.arrangement:
            case "channel_first":
                attended = self.spatial(self.channel(x))
            case "spatial_first":
                attended = self.channel(self.spatial(x))
            case "parallel":
                attended = x * self.channel.gate(x) * self.spatial.gate(x)
        return attended

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        channel_input = self.spatial(x) if self.arrangement == "spatial_first" else x
        spatial_input = self.channel(x) if self.arrangement == "channel_first" else x
        return {"channel": self.channel.gate(channel_input), "spatial": self.spatial.gate(spatial_input)}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        channel, spatial = modulation["channel"], modulation["spatial"]
        return x * spatial * channel if self.arrangement == "spatial_first" else x * channel * spatial

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return self.modulation(x)

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor:
        return modulation["channel"] * modulation["spatial"]  # (n, c, h, w)
