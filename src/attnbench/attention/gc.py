"""Global context: one context for all positions, added to every one of them.

    a = softmax over (h, w) of conv_1x1(x)                 (n, 1, h, w),  with bias;  `pool: avg` has a = 1 / (h w)
    z = sum of a * x over (h, w)                           (n, C)
    t = W2 relu(LN(W1 z + b1)) + b2                        (n, C),  W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = x + t                                              (n, C, h, w);  `fusion: scale` has y = sigmoid(t) * x

W2 and b2 start at 0, so y = x at the start, and x / 2 with `scale`. The layer norm LN runs over the d units of one
image. With d = 1, which is C < 2r, it sees one number and gives its own bias: t is the same for every image, and the
module a learned shift; with d = 2 it leaves little more than a sign. Narrow networks ask for a smaller `reduction`.
Any size of map, at 1x1 z is x itself; bfloat16 stays bfloat16, the sum over positions rounds once.

Source: Cao et al., the GC block; the authors' ContextBlock2d, and their weights at the start (He's normal for the 1x1
convolution). They allow both fusions at once; here it is one of them.
Parameters: 2Cd + 2C + 3d + 1; `avg` has C + 1 less. C = 64, r = 16: 653, 588.
Differs from: timm's GlobalContext, which has d = C / 8, scales (`reduction: 8, fusion: scale`; 1,177 at C = 64) and
starts W2 at random; pytorch-attention's, which never applies the softmax it defines.
"""

from typing import Literal

import torch
from torch import Tensor, nn

from attnbench.attention._bottleneck import bottleneck_parameters, hidden_width
from attnbench.attention._contract import Attention
from attnbench.attention._pooling import mean_over_positions
from attnbench.families import PositiveInt

PAPER = (
    "Cao, Xu, Lin, Wei, Hu: GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond. "
    "ICCV Workshops 2019. arXiv:1904.11492"
)


class AttentionPool(nn.Module):
    """The context z of the header: (n, c, h, w) -> (n, c)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.conv.bias = nn.Parameter(torch.zeros(1))

    def weights(self, x: Tensor) -> Tensor:
        """Return a of the header, (n, 1, h w); the positions of each image sum to 1."""
        weights: Tensor = self.conv(x).flatten(2).softmax(2)
        return weights

    def forward(self, x: Tensor) -> Tensor:
        return (self.weights(x).to(x.dtype) @ x.flatten(2).transpose(1, 2))[:, 0]  # (n, 1, hw) x (n, hw, c)


class MeanPool(nn.Module):
    """The context with equal weights: (n, c, h, w) -> (n, c)."""

    def weights(self, x: Tensor) -> Tensor:
        """Return 1 / (h w) everywhere, (n, 1, h w)."""
        n, _, h, w = x.shape
        return x.new_full((n, 1, h * w), 1 / (h * w))

    def forward(self, x: Tensor) -> Tensor:
        return mean_over_positions(x)


class GlobalContext(Attention):
    """The formula of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: int,
        fusion: Literal["add", "scale"],
        pool: Literal["attention", "avg"],
    ) -> None:
        super().__init__()
        d = hidden_width(channels, reduction, "floor")
        self.pool = AttentionPool(channels) if pool == "attention" else MeanPool()
        last = nn.Linear(d, channels)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        self.transform = nn.Sequential(nn.Linear(channels, d), nn.LayerNorm(d), nn.ReLU(), last)
        self.scales = fusion == "scale"

    def forward(self, x: Tensor) -> Tensor:
        term = self._term(x)
        return x * term.sigmoid() if self.scales else x + term

    def _term(self, x: Tensor) -> Tensor:
        term: Tensor = self.transform(self.pool(x))  # (n, c)
        return term[:, :, None, None].to(x.dtype)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return `spatial`, the weights of the positions by their largest, and with `scale` the gate as `channel`."""
        weights = self.pool.weights(x).reshape(len(x), 1, *x.shape[2:])  # (n, 1, h, w)
        spatial = {"spatial": weights / weights.amax((2, 3), keepdim=True)}
        return {"channel": self._term(x).sigmoid(), **spatial} if self.scales else spatial


def parameter_count(
    channels: int,
    *,
    reduction: PositiveInt = 16,
    fusion: Literal["add", "scale"] = "add",
    pool: Literal["attention", "avg"] = "attention",
) -> int:
    """Return the exact number of parameters, the same for both fusions."""
    del fusion
    d = hidden_width(channels, reduction, "floor")
    bottleneck = bottleneck_parameters(channels, reduction=reduction, bias=True, rounding="floor")
    return bottleneck + 2 * d + (channels + 1 if pool == "attention" else 0)


def build(
    channels: int,
    *,
    reduction: PositiveInt = 16,
    fusion: Literal["add", "scale"] = "add",
    pool: Literal["attention", "avg"] = "attention",
) -> GlobalContext:
    """Return the module for `channels` feature maps."""
    return GlobalContext(channels, reduction=reduction, fusion=fusion, pool=pool)
