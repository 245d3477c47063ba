"""Squeeze-and-excitation: a gate for each channel from the mean of every channel.

    z = mean of x over (h, w)                              (n, C);  `squeeze: max` takes the maximum
    s = sigmoid(W2 relu(W1 z + b1) + b2)                   (n, C),  W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = s * x                                              (n, C, h, w)

`squeeze: none` omits the pool, as in the paper's NoSqueeze: z = x, and every position has its own gate from the same W1
and W2. `activation` replaces the sigmoid, as in the paper's ablation: a hard sigmoid stays in 0..1, a tanh is in -1..1,
a ReLU is unbounded and closes every channel whose logit is negative.
Below C = r the bottleneck has one unit. Maps may have any size; at 1x1 z is x itself. bfloat16 stays bfloat16; pools
are rounded once.

Source: Hu et al., equations 2-4, and the ablations of the squeeze and excitation operators; the authors' Caffe
networks, which have both biases.
Start: torch's weights, and biases of 0: the start of this module in the CBAM authors' network, where it is a channel
gate with one mean pool. SENet's training files were never published; those of GENet, by the same authors, draw W1 and
W2 with a standard deviation of 0.01, so that every gate starts at 0.500.
Parameters: 2Cd + d + C; without biases 2Cd. C = 64, r = 16: 580, 512.
Differs from: tutorials, which keep torch's biases (`init: torch`; at C = 16 the start gates then have a standard
deviation of 0.14 instead of 0.02); the paper's later text and its ablations, which omit the biases (`bias: false`);
timm's SEModule, whose bottleneck is rounded to a multiple of 8 (`rounding: div8`; 1,096 at C = 64); torchvision's
SqueezeExcitation, which takes d as an argument and is equal for the same d; External-Attention's, which has no biases
(512) and, below C = r, no units, so that its gate is the constant 0.5 (0 parameters).
"""

from typing import Literal

from torch import Tensor

from attnbench.networks import activations
from attnbench.networks.bottleneck import Bottleneck
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import max_over_positions, mean_over_positions
from attnbench.study.options import Activation, Init, PositiveInt, Rounding

PAPER = "Hu, Shen, Albanie, Sun, Wu: Squeeze-and-Excitation Networks. IEEE TPAMI 42(8), 2020. arXiv:1709.01507"

_SQUEEZES = {"avg": mean_over_positions, "max": max_over_positions}  # (n, c, h, w) -> (n, c)


class SqueezeExcitation(Gate):
    """The gate of the header; `reduction` is r. With `tanh` or `relu` the gate leaves 0..1."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        bias: bool = True,
        rounding: Rounding = "floor",
        squeeze: Literal["avg", "max", "none"] = "avg",
        activation: Activation = "sigmoid",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        self.squeeze = _SQUEEZES.get(squeeze)
        self.excitation = Bottleneck(channels, reduction=reduction, bias=bias, rounding=rounding, init=init)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        if self.squeeze is None:
            positionwise: Tensor = self.activation(self.excitation(x.permute(0, 2, 3, 1)))  # (n, h, w, c)
            return positionwise.permute(0, 3, 1, 2)
        gate: Tensor = self.activation(self.excitation(self.squeeze(x)))  # (n, c)
        return gate[:, :, None, None]  # (n, c, 1, 1)
