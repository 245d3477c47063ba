"""Coordinate attention: a gate for each channel and row times a gate for each channel and column.

    z = [mean of x over w; mean of x over h]               (n, C, h + w, 1)
    f = hardswish(BN(W z + b))                             (n, m, h + w, 1),  W: (m, C), m = max(8, C // r)
    s = sigmoid(Wh f[rows] + bh) * sigmoid(Ww f[columns] + bw)    (n, C, h, w),  Wh, Ww: (C, m)
    y = s * x                                              (n, C, h, w)

`activation: hardsigmoid` replaces both sigmoids.
The authors give `f` at least eight channels, so below C = 8 r its width does not depend on C. Any C. Maps may have any
size; at 1x1 both means are x, and the norm sees two numbers per image. Under bfloat16 autocast the norm sees rounded
means.

Source: Hou et al., equations 4-9; the authors' code, with the norm before the hard swish and biases in the three
convolutions.
Start: weights from He's normal distribution by fan out, standard deviations sqrt(2 / m) for W and sqrt(2 / C) for Wh
and Ww, and biases of 0, as in the authors' MobileNetV2; `init: torch` has torch's.
Parameters: 3Cm + 3m + 2C; without biases 3Cm + 2m. C = 64, r = 32: 1,688, 1,552.
Differs from: the paper's equation 6, which shows no norm; timm's CoordAttn, which has no biases (`bias: false`) and
rounds C / 24 to the nearest multiple of 8, at least 8, for m (1,552 at C = 64 as here; 36,912 at C = 512, where `bias:
false` has 24,608); pytorch-attention's, which has a ReLU instead of the hard swish and no sigmoids, so it is not a
gate.
"""

import torch
from torch import Tensor, nn

from attnbench.networks import activations, initialisation
from attnbench.networks.gates import Gate
from attnbench.study.options import BoundedActivation, Init, PositiveInt

PAPER = "Hou, Zhou, Feng: Coordinate Attention for Efficient Mobile Network Design. CVPR 2021. arXiv:2103.02907"


class CoordinateAttention(Gate):
    """The gate of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 32,
        bias: bool = True,
        activation: BoundedActivation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        width = max(8, channels // reduction)
        self.squeeze = nn.Sequential(nn.Linear(channels, width, bias=bias), nn.BatchNorm1d(width), nn.Hardswish())
        self.rows = nn.Linear(width, channels, bias=bias)
        self.columns = nn.Linear(width, channels, bias=bias)
        self.activation = activations.named(activation)
        if init == "authors":
            initialisation.he_normal(self, "fan_out")

    def gate(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        last = x.permute(0, 2, 3, 1)  # (n, h, w, c), the memory order of channels_last: sums over h and w are fast
        strips = torch.cat([last.sum(2) * (1 / w), last.sum(1) * (1 / h)], dim=1)  # (n, h + w, c)
        hidden = self.squeeze(strips.flatten(0, 1)).view(*strips.shape[:2], -1)  # (n, h + w, m)
        rows = self.activation(self.rows(hidden[:, :h]))  # (n, h, c)
        columns = self.activation(self.columns(hidden[:, h:]))  # (n, w, c)
        gate: Tensor = rows[:, :, None] * columns[:, None]  # (n, h, w, c)
        return gate.permute(0, 3, 1, 2).to(x.dtype)
