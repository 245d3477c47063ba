"""SimAM: a gate for every activation from its distance to the mean of its channel, without weights.

    v = sum of (x - mean of x)^2 over (h, w) / (h w - 1)                   (n, C, 1, 1)
    s = sigmoid((x - mean of x)^2 / (4 (v + lambda)) + 1 / 2)              (n, C, h, w),  lambda = 1e-4
    y = s * x                                                              (n, C, h, w)

The argument of the sigmoid is the inverse of the paper's minimal energy. It is at least 1/2, so every gate is at least
0.62.
Any C. At 1x1, where h w - 1 is 0, v is taken as 0 and the gate is the constant 0.62. bfloat16 stays bfloat16; the means
are rounded once.

Source: Yang et al., equation 5; the authors' code. `energy_lambda` is lambda.
Start: no weights.
Parameters: 0.
Differs from: the authors' ImageNet runs, which set lambda to 0.1 (`energy_lambda: 0.1`); their networks, which have it
between the second convolution of a block and its norm, where other modules follow the last norm: site `before_norm` of
the residual networks; at 1x1 only, the authors' code, External-Attention's and pytorch-attention's, which give NaN
there. timm has none.
"""

from torch import Tensor

from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import PositiveFloat

PAPER = (
    "Yang, Zhang, Li, Xie: SimAM: A Simple, Parameter-Free Attention Module for Convolutional Neural Networks. "
    "ICML 2021, PMLR 139:11863-11874. https://proceedings.mlr.press/v139/yang21o.html"
)


class SimAM(Gate):
    """The gate of the header; `energy_lambda` is lambda."""

    def __init__(self, channels: int, *, energy_lambda: PositiveFloat = 0.0001) -> None:
        super().__init__()
        self.energy_lambda = energy_lambda

    def gate(self, x: Tensor) -> Tensor:
        distance = x - mean_over_positions(x)[:, :, None, None]  # (n, c, h, w)
        squares = distance * distance
        degrees_of_freedom = max(x.shape[2] * x.shape[3] - 1, 1)
        variance = squares.sum((2, 3), keepdim=True) * (1 / degrees_of_freedom)  # (n, c, 1, 1)
        inverse_energy = squares * (4 * (variance + self.energy_lambda)).reciprocal() + 0.5
        return inverse_energy.sigmoid().to(x.dtype)
