"""Bottleneck attention: a gate for every activation from a channel branch and a spatial branch, added to 1.

    c = W2 relu(BN(W1 z + b1)) + b2                        (n, C, 1, 1),  z: mean of x over (h, w), d = max(1, C // r)
    p = conv1x1(g(g(f(x))))                                (n, 1, h, w)
        f: conv1x1 C -> d - BN - ReLU,  g: conv3x3 d -> d of dilation D, padding D - BN - ReLU; all with biases
    s = sigmoid(c * p)                                     (n, C, h, w);  `fuse: sum` has sigmoid(c + p)
    y = (1 + s) * x                                        (n, C, h, w)

The paper puts the module between the stages of a network: site `between` of the residual networks.
Below C = r the bottleneck has one unit. Maps may have any size and need not be square: z is a mean, where the authors'
pool fails on non-square maps. Padding is 0; on maps of at most D positions across, only the centres of the dilated
kernels see the map. In train mode, a batch of one image raises ValueError, because the norm of the channel branch would
see a single number (with `norms: hidden` and `last` alike). bfloat16 stays bfloat16; the mean is rounded once.

Source: the authors' code, with D = 4; Park et al., section 3.
Start: biases are 0, W1 and W2 are torch's, and the convolutions come from He's normal distribution by fan out: standard
deviations sqrt(2 / d), sqrt(2 / 9d) twice and sqrt(2). So the authors' ResNet starts them; `init: torch` does not.
Parameters: 3Cd + 18d^2 + 13d + C + 1; with `norms: last` 3Cd + 18d^2 + 5d + 3C + 3. C = 64, r = 16: 1,173, 1,271.
Differs from: the paper, which adds the branches (`fuse: sum`) and has one norm in each, after its last layer (`norms:
last`; its equations show no ReLU, but the ReLUs of the code are kept here); External-Attention's, which adds, has three
3x3 convolutions of dilation 2 and padding 1, and works only on 7x7 maps. timm has none.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from attnbench.networks import initialisation
from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Attention, gate_maps
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import Init, PositiveInt

PAPER = "Park, Woo, Lee, Kweon: BAM: Bottleneck Attention Module. BMVC 2018. arXiv:1807.06514"


class BAM(Attention):
    """The formula of the header; `reduction` is r, `dilation` is D."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 16,
        dilation: PositiveInt = 4,
        fuse: Literal["product", "sum"] = "product",
        norms: Literal["hidden", "last"] = "hidden",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        d = hidden_width(channels, reduction)
        hidden = norms == "hidden"
        self.channel = nn.Sequential(
            nn.Linear(channels, d),
            *([nn.BatchNorm1d(d)] if hidden else []),
            nn.ReLU(),
            nn.Linear(d, channels),
            *([] if hidden else [nn.BatchNorm1d(channels)]),
        )
        convolutions = [nn.Conv2d(channels, d, 1)]
        convolutions += [nn.Conv2d(d, d, 3, padding=dilation, dilation=dilation) for _ in range(2)]
        layers = [[conv, *([nn.BatchNorm2d(d)] if hidden else []), nn.ReLU()] for conv in convolutions]
        self.spatial = nn.Sequential(
            *(layer for group in layers for layer in group),
            nn.Conv2d(d, 1, 1),
            *([] if hidden else [nn.BatchNorm2d(1)]),
        )
        if init == "authors":
            initialisation.zero_biases(self.channel)
            initialisation.he_normal(self.spatial, "fan_out")
        self.adds = fuse == "sum"

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return {"gate": self._gate(x)}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return x * (1 + modulation["gate"])

    def _gate(self, x: Tensor) -> Tensor:
        channel = self.channel(mean_over_positions(x))[:, :, None, None]  # (n, c, 1, 1)
        spatial = self.spatial(x)  # (n, 1, h, w)
        logits: Tensor = channel + spatial if self.adds else channel * spatial
        return logits.sigmoid().to(x.dtype)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return gate_maps(self._gate(x), x)

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor:
        return 1 + modulation["gate"]
