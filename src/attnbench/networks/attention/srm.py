"""Style-based recalibration: a gate for each channel from its own mean and standard deviation.

    t = (mean, sqrt(variance + 1e-5)) of x over (h, w)     (n, C, 2),  variance: sum of squares over h w - 1
    z = sum of W * t over the last axis                    (n, C),     W: (C, 2), no channel sees another
    s = sigmoid(BN(z))                                     (n, C);     y = s * x

`style: mean` or `std` keeps one of the two, W: (C, 1).
`activation: hardsigmoid` replaces the sigmoid; a tanh or a ReLU would start at 0, with the gate closed.
Any C. Maps may have any size; at 1x1, where the variance is undefined, it is taken as 0. The norm sees one number per
channel and image, so in train mode a batch of one image raises ValueError, as in the authors' code. bfloat16 stays
bfloat16; mean, deviations and squares are rounded.

Source: Lee et al., style pooling and style integration; the authors' code. They train W and the norm without weight
decay; here the recipe's weight decay applies to both, as to every other parameter.
Start: W is 0, so the gate is the constant 0.5; as in the authors' code.
Parameters: 4C; with one statistic 3C. C = 64: 256, 192.
Differs from: a later version of the authors' code and pytorch-attention's, which take the standard deviation without
the 1e-5; in pytorch-attention's, W does not start at 0 (4C too). timm and torchvision have none.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import BoundedActivation

PAPER = (
    "Lee, Kim, Nam: SRM: A Style-based Recalibration Module for Convolutional Neural Networks. ICCV 2019. "
    "arXiv:1903.10829"
)


class StyleRecalibration(Gate):
    """The gate of the header."""

    def __init__(
        self,
        channels: int,
        *,
        style: Literal["both", "mean", "std"] = "both",
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()
        self.style = style
        self.weight = nn.Parameter(torch.zeros(channels, 2 if style == "both" else 1))
        self.norm = nn.BatchNorm1d(channels)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        integrated = (self._pooled(x) * self.weight).sum(2)  # (n, c)
        gate: Tensor = self.activation(self.norm(integrated))
        return gate[:, :, None, None].to(x.dtype)

    def _pooled(self, x: Tensor) -> Tensor:
        mean = mean_over_positions(x)  # (n, c)
        match self.style:
            case "mean":
                return mean[:, :, None]
            case "std":
                return _deviation(x, mean)[:, :, None]
            case "both":
                return torch.stack([mean, _deviation(x, mean)], dim=2)  # (n, c, 2)


def _deviation(x: Tensor, mean: Tensor) -> Tensor:
    """Return the unbiased standard deviation of every channel, (n, c); torch's `var` takes three times as long."""
    centred = x - mean[:, :, None, None]
    variance = (centred * centred).sum((2, 3)) * (1 / max(1, x.shape[2] * x.shape[3] - 1))
    return (variance + 1e-5).sqrt()
