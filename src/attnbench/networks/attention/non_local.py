"""Non-local block: adds to every position a mixture of the features of all positions, weighted by similarity.

    q = theta(x), k = phi(x), v = g(x)                     (n, h w, m),  1x1 convolutions C -> m, m = max(1, C // r)
    A = softmax over the last axis of q k^T / sqrt(m)      (n, h w, h w), rows: outputs
    y = x + BN(W A v)                                      (n, C, h, w), W: 1x1 convolution m -> C

`norm: false` omits BN.

    mode                  A
    embedded_gaussian     softmax of q k^T / sqrt(m)
    unscaled              softmax of q k^T
    gaussian              softmax of x x^T: the features themselves, without theta and phi
    dot_product           q k^T / (number of keys)
    concatenation         relu(q u + (k v)^T) / (number of keys),  u, v: (m, 1), without bias

`subsample` takes k and v from a 2x2 max pool of x, which leaves a quarter of the keys; windows at an odd border cover
the rest of the map. `subsample: false` is the complete block, with x in place of the pool.
`maps`: `spatial`, the attention that each window (in the complete block: each position) receives from all outputs; for
`dot_product`, the magnitudes; all 0 for an image for which `concatenation` has no positive sum. Time and memory grow
with (h w)^2: at 32x32, A alone takes 1.0 MB per image in float32, and 4.2 MB in the complete block.
Below C = r there is one unit. Maps may have any size; at 1x1 A is 1. bfloat16 stays bfloat16, including A, except under
CUDA's autocast.

Source: Wang et al., equations 1-6 and figure 2 (`gaussian` is equation 2, `concatenation` equation 5); the authors'
Caffe2 code: the scale, which equation 3 lacks (`mode: unscaled`), biases, and the pool before phi and g, which the
paper adds as a trick to the block of its figure (`subsample: false`).
Start: weights from a normal distribution of standard deviation 0.01, biases of 0, and a weight of BN of 0, so that the
block is the identity; without BN, W is 0 instead. All as in the authors' code, which has no `gaussian` and no
`concatenation`; u and v have torch's start. `init: torch` has torch's start everywhere, which is not the identity.
Parameters: 4Cm + 3m + 3C; without norm 2C less; `gaussian` 2Cm + 2m less, `concatenation` 2m more. C = 64, r = 2:
8,480, 8,352, 4,320, 8,544.
Differs from: the authors' code at odd sizes, where its pool drops the border; timm's NonLocalAttn, which never
subsamples, has m = C / 8 rounded to a multiple of 8, scales by 1 / sqrt(C) and is initialised with He's normal (2,264
at C = 64); mmcv's NonLocal2d, which by default has no norm and does not subsample (`norm: false, subsample: false`),
and pools k and v after their convolutions.
"""

from collections.abc import Mapping
from typing import Literal

from torch import Tensor, nn

from attnbench.networks import initialisation
from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Attention
from attnbench.networks.positions import as_map, received, tokens
from attnbench.study.options import Init, PositiveInt

PAPER = "Wang, Girshick, Gupta, He: Non-local Neural Networks. CVPR 2018. arXiv:1711.07971"


class NonLocal(Attention):
    """The block of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        reduction: PositiveInt = 2,
        subsample: bool = True,
        norm: bool = True,
        mode: Literal[
            "embedded_gaussian", "unscaled", "gaussian", "dot_product", "concatenation"
        ] = "embedded_gaussian",
        init: Init = "authors",
    ) -> None:
        super().__init__()
        width = hidden_width(channels, reduction)
        self.mode = mode
        self.theta, self.phi = (_embedding(channels, width, mode, init) for _ in range(2))
        self.g = nn.Conv2d(channels, width, 1)
        self.out = nn.Conv2d(width, channels, 1)
        self.norm = nn.BatchNorm2d(channels) if norm else nn.Identity()
        self.pool = nn.MaxPool2d(2, ceil_mode=True) if subsample else nn.Identity()
        if init == "authors":
            initialisation.normal(self.g, std=0.01)
            initialisation.normal(self.out, std=0.01)
            nn.init.zeros_(self.norm.weight if isinstance(self.norm, nn.BatchNorm2d) else self.out.weight)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        pooled = self.pool(x)
        mixed = self._weights(x, pooled) @ tokens(self.g(pooled))  # (n, h w, m)
        return {"term": self.norm(self.out(as_map(mixed, x)))}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return x + modulation["term"]

    def _weights(self, x: Tensor, pooled: Tensor) -> Tensor:
        """Return A of the header, (n, positions of x, positions of pooled)."""
        # (n, h w, m) and (n, m, keys); `gaussian` has C in place of m, `concatenation` has 1
        queries, keys = tokens(self.theta(x)), tokens(self.phi(pooled)).transpose(1, 2)
        weights: Tensor
        match self.mode:
            case "embedded_gaussian":
                weights = ((queries * queries.shape[2] ** -0.5) @ keys).softmax(2)
            case "unscaled" | "gaussian":
                weights = (queries @ keys).softmax(2)
            case "dot_product":
                weights = (queries * (1 / keys.shape[2])) @ keys
            case "concatenation":
                weights = (queries + keys).relu() * (1 / keys.shape[2])
        return weights

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        h, w = x.shape[2:]
        pooled = self.pool(x)
        spatial = received(self._weights(x, pooled), pooled)
        if pooled.shape != x.shape:
            spatial = spatial.repeat_interleave(2, 2).repeat_interleave(2, 3)[:, :, :h, :w]
        return {"spatial": spatial}


def _embedding(channels: int, width: int, mode: str, init: Init) -> nn.Module:
    """Return theta or phi; with `concatenation`, followed by u or v."""
    if mode == "gaussian":
        return nn.Identity()
    embedding = nn.Conv2d(channels, width, 1)
    if init == "authors":
        initialisation.normal(embedding, std=0.01)
    return nn.Sequential(embedding, nn.Conv2d(width, 1, 1, bias=False)) if mode == "concatenation" else embedding
