"""Global context: one context vector for all positions, added to each of them.

    a = softmax over (h, w) of conv_1x1(x)                 (n, 1, h, w),  with bias;  `pool: avg` has a = 1 / (h w)
    z = sum of a * x over (h, w)                           (n, C)
    t = W2 relu(LN(W1 z + b1)) + b2                        (n, C),  W1: (d, C), W2: (C, d), d = max(1, C // r)
    y = x + t                                              (n, C, h, w);  `fusion: scale` has y = sigmoid(t) * x
    y = sigmoid(s) * x + t                                 `fusion: both`,  s: from z with its own W1, b1, LN, W2, b2

The layer norm LN runs over the d units
of one image. With d = 1, which is C < 2r, it sees one number and returns its own bias: t is then the same for every
image, and the module is a learned shift. With d = 2, little more than a sign remains. Narrow networks need a smaller
`reduction`.
Maps may have any size; at 1x1 z is x itself. bfloat16 stays bfloat16; the sum over positions is rounded once.

Source: Cao et al., the GC block; the authors' ContextBlock2d, whose two lists of fusions are `both`.
Start: W2 and b2 are 0, so y = x, and x / 2 with `scale` and `both`; the 1x1 convolution comes from He's normal
distribution by fan in, with a bias of 0; W1 and b1 are torch's. All as in the authors' code; `init: torch` has torch's
start everywhere.
Parameters: 2Cd + 2C + 3d + 1; `avg` has C + 1 less, `both` 2Cd + C + 3d more. C = 64, r = 16: 653, 588, 1,241.
Differs from: timm's GlobalContext, which has d = C / 8, scales (`reduction: 8, fusion: scale`; 1,177 at C = 64) and
draws W2 at random; pytorch-attention's, which never applies the softmax that it defines.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from attnbench.networks import initialisation
from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Attention
from attnbench.networks.pooling import mean_over_positions
from attnbench.study.options import Init, PositiveInt

PAPER = (
    "Cao, Xu, Lin, Wei, Hu: GCNet: Non-local Networks Meet Squeeze-Excitation Networks and Beyond. "
    "ICCV Workshops 2019. arXiv:1904.11492"
)


class _AttentionPool(nn.Module):
    """The context z of the header: (n, c, h, w) -> (n, c)."""

    def __init__(self, channels: int, *, init: Init) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, 1, 1)
        if init == "authors":
            initialisation.he_normal(self.conv, "fan_in")

    def weights(self, x: Tensor) -> Tensor:
        """Return a of the header, (n, 1, h w); the positions of each image sum to 1."""
        weights: Tensor = self.conv(x).flatten(2).softmax(2)
        return weights

    def forward(self, x: Tensor) -> Tensor:
        return (self.weights(x).to(x.dtype) @ x.flatten(2).transpose(1, 2))[:, 0]  # (n, 1, hw) x (n, hw, c)


class _MeanPool(nn.Module):
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
        reduction: PositiveInt = 16,
        fusion: Literal["add", "scale", "both"] = "add",
        pool: Literal["attention", "avg"] = "attention",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        d = hidden_width(channels, reduction)
        self.pool = _AttentionPool(channels, init=init) if pool == "attention" else _MeanPool()
        self.term = None if fusion == "scale" else _transform(channels, d, init)
        self.scale = None if fusion == "add" else _transform(channels, d, init)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        context, tensors = self.pool(x), {}
        if self.scale is not None:
            tensors["scale"] = _transformed(context, self.scale, x).sigmoid()
        if self.term is not None:
            tensors["term"] = _transformed(context, self.term, x)
        return tensors

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        y = x if self.scale is None else x * modulation["scale"]
        return y if self.term is None else y + modulation["term"]

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return `spatial`, the weights of the positions divided by the largest, and `channel`, the gate, if any."""
        weights = self.pool.weights(x).reshape(len(x), 1, *x.shape[2:])  # (n, 1, h, w)
        spatial = {"spatial": weights / weights.amax((2, 3), keepdim=True)}
        if self.scale is None:
            return spatial
        return {"channel": _transformed(self.pool(x), self.scale, x).sigmoid(), **spatial}

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor | None:
        return modulation["scale"] if self.term is None else None


def _transform(channels: int, width: int, init: Init) -> nn.Sequential:
    """Return the layers from z to t of the header."""
    last = nn.Linear(width, channels)
    if init == "authors":
        initialisation.zero(last)
    return nn.Sequential(nn.Linear(channels, width), nn.LayerNorm(width), nn.ReLU(), last)


def _transformed(context: Tensor, transform: nn.Module, like: Tensor) -> Tensor:
    """Return the output of the layers for z (n, c), shaped (n, c, 1, 1) to broadcast over the map."""
    term: Tensor = transform(context)
    return term[:, :, None, None].to(like.dtype)
