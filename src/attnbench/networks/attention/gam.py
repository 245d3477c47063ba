"""Global attention: a gate for every activation from the channels at its position, then one from a 7x7 window.

    s = sigmoid(W2 relu(W1 x + b1) + b2)                   (n, C, h, w), at every position;  d = max(1, C // r)
    t = sigmoid(BN(conv7x7(relu(BN(conv7x7(s * x))))))     (n, C, h, w),  C -> d -> C, with biases
    y = t * s * x                                          (n, C, h, w)

It is `cbam` without pools. At r = 4 its convolutions have 24.5 C^2 weights, more than the two 3x3 convolutions of a
residual block (18 C^2).
`groups` splits both convolutions into gcd(C, d, groups) groups, and the gate t is then shuffled: the first channel of
every group, the second of every group, and so on. `bounded: false` omits the sigmoid of s, which is then unbounded, so
that maps leave 0..1. `activation: hardsigmoid` replaces the sigmoids.
Below C = r the bottleneck has one unit. Maps may have any size; padding is 0, and at 1x1 only the centres of the
kernels are used (a batch of one image then raises ValueError in train mode, because the norms see one number). bfloat16
stays bfloat16.

Source: Liu et al., equations 1-2 and figures 2-3: s ends in a sigmoid. Their ResNet-50 has group convolutions with the
shuffle, to save parameters, and their other networks have none. The authors have published no repository; r = 4 and the
biases are those of the module that circulates in collections.
Start: torch's, as in that module.
Parameters: 2Cd + d + C for s, 98 Cd / g + 3d + 3C for t, g the number of groups. C = 64, r = 4: 102,720; `groups: 4`
27,456.
Differs from: most copies of the module, in which s has no sigmoid (`bounded: false`); the authors' ResNet-50 and copies
for detectors, which have groups (`groups: 4` in the latter). timm has none.
"""

from math import gcd

from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.bottleneck import Bottleneck, hidden_width
from attnbench.networks.channel_groups import shuffled
from attnbench.networks.gates import Gate
from attnbench.study.options import BoundedActivation, PositiveInt

PAPER = (
    "Liu, Shao, Hoffmann: Global Attention Mechanism: Retain Information to Enhance Channel-Spatial Interactions. "
    "2021. arXiv:2112.05561"
)


class GlobalAttention(Gate):
    """The gate t * s of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 4,
        groups: PositiveInt = 1,
        bounded: bool = True,
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()
        d = hidden_width(channels, reduction)
        self.groups = gcd(channels, d, groups)
        self.channel = Bottleneck(channels, reduction=reduction, bias=True, rounding="floor", init="torch")
        self.spatial = nn.Sequential(
            nn.Conv2d(channels, d, 7, padding=3, groups=self.groups),
            nn.BatchNorm2d(d),
            nn.ReLU(),
            nn.Conv2d(d, channels, 7, padding=3, groups=self.groups),
            nn.BatchNorm2d(channels),
        )
        self.bounded = bounded
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        logits = self.channel(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)  # (n, c, h, w)
        by_channel = self.activation(logits) if self.bounded else logits
        by_position = self.activation(self.spatial(x * by_channel))
        if self.groups > 1:
            by_position = shuffled(by_position, self.groups)
        gate: Tensor = by_channel * by_position
        return gate.to(x.dtype)
