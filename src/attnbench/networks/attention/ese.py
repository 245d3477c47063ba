"""Effective squeeze-excitation: a gate for each channel from the means of all channels, by one square matrix.

    z = mean of x over (h, w)                              (n, C)
    s = hardsigmoid(W z + b)                               (n, C),  W: (C, C)
    y = s * x                                              (n, C, h, w)

    hardsigmoid(t) = max(0, min(1, t / 6 + 1 / 2)), which passes no gradient where it is 0 or 1

It is `se` without the bottleneck: every channel sees all others directly, and the weights grow with C^2. `activation`
replaces the hard sigmoid, as in `se`.
Any C. Maps may have any size; at 1x1 z is x itself. bfloat16 stays bfloat16; the mean is rounded once.

Source: Lee and Park, the formula of eSE in the section on VoVNetV2; the authors' code (vovnet-detectron2), which has
the hard sigmoid and a bias.
Start: W from He's normal distribution by fan in, a standard deviation of sqrt(2 / C), and torch's bias, as in the
authors' network; `init: torch` has torch's W.
Parameters: C^2 + C. C = 64: 4,160.
Differs from: the paper, whose formula has a sigmoid (`activation: sigmoid`); timm's EffectiveSEModule, which is the
same function (4,160 at C = 64) with torch's start (`init: torch`) and can average z with the maximum; the authors' code
in nothing but an argument for a reduction, which it ignores.
"""

from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.gates import Gate
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import Activation, Init

PAPER = "Lee, Park: CenterMask: Real-Time Anchor-Free Instance Segmentation. CVPR 2020. arXiv:1911.06667"


class EffectiveSqueezeExcitation(Gate):
    """The gate of the header. With `tanh` or `relu` it leaves 0..1."""

    def __init__(self, channels: int, *, activation: Activation = "hardsigmoid", init: Init = "authors") -> None:
        super().__init__()
        self.excitation = nn.Linear(channels, channels)
        if init == "authors":  # their loop over the layers leaves every bias as torch creates it
            nn.init.kaiming_normal_(self.excitation.weight)
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        gate: Tensor = self.activation(self.excitation(mean_over_positions(x)))  # (n, c)
        return gate[:, :, None, None]  # (n, c, 1, 1)
