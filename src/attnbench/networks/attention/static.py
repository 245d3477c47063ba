"""A null control: a learned gate for each channel, each position or both, the same for every image.

    s = sigmoid(a)                 a: (C,)                 (n, C, 1, 1);  `over: positions`:  a: (h, w), (n, 1, h, w)
    s = sigmoid(a) * sigmoid(b)    a: (C,), b: (h, w)      (n, C, h, w);  `over: both`
    y = s * x                                              (n, C, h, w)

It learns what a gate can learn without looking at its input. A module has an effect as attention only as far as it
differs from this control: `channels` controls channel gates, `positions` spatial gates, `both` their product.
Weight decay applies to logits as to every parameter and pulls each sigmoid to 1/2.
Any C. `positions` and `both` are tied to one `size` of map; `channels` accepts any. bfloat16 stays bfloat16.

Source: none; it is a control. Huang et al. observe that trained channel attention tends to constant vectors.
Start: all logits of a gate are one value, so that s is `start`; with `both`, each factor is its square root. No random
number is drawn.
Parameters: C; `positions` h w; `both` C + h w. C = 64, 8 x 8: 64, 64, 128.
Differs from: `constant`, which does not learn; Huang et al.'s ASR, which learns the input of an attention module and
keeps the module; layer scale, which has no sigmoid and starts near 0.
"""

from math import log, sqrt
from typing import Literal

import torch
from torch import Tensor, nn

from attnbench.networks.gates import Gate
from attnbench.study.options import OpenShare, Size

PAPER = (
    "Null control, without a paper; for the observation behind it: Huang, Zhong, Wen, Qin, Lin: Stripe Observation "
    "Guided Inference Cost-free Attention Mechanism. ECCV 2024. arXiv:2304.06345"
)


class Static(Gate):
    """The gate of the header."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        over: Literal["channels", "positions", "both"] = "channels",
        start: OpenShare = 0.5,
    ) -> None:
        super().__init__()
        self.size = size
        share = sqrt(start) if over == "both" else start
        logit = log(share / (1 - share))
        self.channels = None if over == "positions" else nn.Parameter(torch.full((channels,), logit))
        self.positions = None if over == "channels" else nn.Parameter(torch.full(size, logit))

    def gate(self, x: Tensor) -> Tensor:
        first, *others = self._factors(x).values()
        gate = first * others[0] if others else first  # for one image: no product is repeated for the whole batch
        return gate.to(x.dtype, memory_format=torch.channels_last).expand(x.shape[0], -1, -1, -1)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {name: factor.to(x.dtype).expand(x.shape[0], -1, -1, -1) for name, factor in self._factors(x).items()}

    def _factors(self, x: Tensor) -> dict[str, Tensor]:
        """Return the sigmoids of the header by the names of their maps, (1, c, 1, 1) and (1, 1, h, w)."""
        factors: dict[str, Tensor] = {}
        if self.channels is not None:
            factors["channel"] = self.channels.sigmoid()[None, :, None, None]
        if self.positions is not None:
            h, w = x.shape[2:]
            if (h, w) != self.size:
                raise ValueError(
                    f"this static gate is built for maps of {self.size[0]} x {self.size[1]} and got {h} x {w}; it has "
                    "a logit for every position. Use `over: channels`, or images of one size"
                )
            factors["spatial"] = self.positions.sigmoid()[None, None]
        return factors
