"""PSANet's point-wise spatial attention: every position has its own map over all positions.

    u = relu(BN(R x))                                      (n, m, h, w),  R: 1x1, C -> m = max(1, C // r)
    o = V relu(BN(U u))                                    (n, M, h, w),  U, V: 1x1, m -> m -> M
    A[i, j]                                                (n, h w, h w), the weight of position j in output i
    z = softmax over j of A, times u                       (n, m, h, w)
    y = x + relu(BN(P [z of collect; z of distribute]))    (n, C, h, w),  P: 1x1, m or 2m -> C

    collect       A[i, j] = the value of o at i for the offset j - i:  i chooses what it takes
    distribute    A[i, j] = the value of o at j for the offset i - j:  j chooses where it goes
    M             (2h - 1)(2w - 1), one number per offset;  `compact: true` has h w, one number per position

Each direction has its own branch: R, U, V. `softmax: false` has A / (h w) in place of the softmax. Convolutions have no
bias.
`shrink: s` resizes u to h' = (h - 1) // s + 1 by w' alike before U, and the result of P, after its ReLU, back to h x w;
both as in `networks/resize.py`, bilinear with aligned corners. h' w' then replaces h w above, and in the cost of A. Any
size works: where s divides h - 1 and w - 1, shrinking keeps every s-th position unchanged, otherwise it interpolates
between two; a side of at most s is reduced to its first position.
The original ends in [x; relu(BN(P z))], 2C channels for the classifier that follows. A slot keeps C, so both adapters
are adaptations: `residual` adds the halves, of which the second is never negative; `concat` fuses them,
y = relu(BN(F [x; relu(BN(P z))])), F: 1x1, 2C -> C.
`maps`: `spatial`, the attention that each position receives from all outputs, averaged over the branches and enlarged
like the result; without softmax, the magnitudes.
Built for one `size` of map; another raises ValueError. Memory grows with (h w)^2: at 32x32 in float32, A takes 4.2 MB
per image and branch, and o 16.3 MB (4.2 MB if compact); with `shrink: 2`, 0.3 and 1.0 MB. The products that resize
count as multiply-adds: m h' w (h + w') per branch and C h w' (h' + w). Below C = r there is one channel. Where A is
1x1, it is 1, and a batch of one image raises ValueError in train mode, because norms would see a single number.
bfloat16 stays bfloat16, including A, except under CUDA's autocast.

Source: Zhao et al., section 3; the authors' code (semseg): both directions, one number per offset, the softmax,
which the paper's equation lacks (`softmax: false`), m = 512 of 2,048 channels.
Start: torch's, as in the authors' code.
Parameters: a branch Cm + m^2 + mM + 4m; P Cm + 2C with one, 2Cm + 2C with two; F 2C^2 + 2C. The authors' module, C =
2,048 at 59x59, r = 4, `shrink: 2`: 8,291,328. `direction: collect, compact: true`, C = 64 at 32x32: 18,880.
Differs from: the authors' configurations, which have `shrink: 2`, while here the attention has the size of the map by
default; their code, which shrinks only where s divides h - 1 and w - 1. Their C++ operator also supports smaller
windows of offsets, with 0 elsewhere; here all offsets are present. `psa_simple` is a tutorial's short form.
"""

from collections.abc import Mapping
from typing import Literal

import torch
from torch import Tensor, nn

from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Attention
from attnbench.networks.positions import as_map, received, tokens
from attnbench.networks.resize import Resize
from attnbench.study.options import PositiveInt, Size

PAPER = (
    "Zhao, Zhang, Liu, Shi, Loy, Lin, Jia: PSANet: Point-wise Spatial Attention Network for Scene Parsing. ECCV 2018. "
    "doi:10.1007/978-3-030-01240-3_17"
)


class PointwiseSpatialAttention(Attention):
    """The formula of the header; `reduction` is r."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        reduction: PositiveInt = 4,
        direction: Literal["both", "collect", "distribute"] = "both",
        compact: bool = False,
        softmax: bool = True,
        shrink: PositiveInt = 1,
        adapter: Literal["residual", "concat"] = "residual",
    ) -> None:
        super().__init__()
        self.size, self.small = size, _shrunk(size, shrink)
        width = hidden_width(channels, reduction)
        offsets = _offsets(self.small, compact=compact)
        self.branches = nn.ModuleList(
            _Branch(
                channels, width, offsets, _resize(size, self.small), distributes=name == "distribute", softmax=softmax
            )
            for name in _directions(direction)
        )
        self.proj = _layer(len(self.branches) * width, channels)
        self.enlarge = _resize(self.small, size)
        self.adapter = _Residual() if adapter == "residual" else _Fusion(channels)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        self._check(x)
        attended = torch.cat([branch(x) for branch in self._branches()], dim=1)
        return {"term": self.enlarge(self.proj(attended))}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        adapted: Tensor = self.adapter(x, modulation["term"])
        return adapted

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        self._check(x)
        weights = torch.cat([branch.weights(branch.reduced(x)) for branch in self._branches()], dim=1)
        small = weights.abs().mean(1).reshape(-1, 1, *self.small)  # (n, 1, h', w')
        return {"spatial": received(self.enlarge(small).flatten(2), x)}

    def _branches(self) -> list["_Branch"]:
        return [branch for branch in self.branches if isinstance(branch, _Branch)]

    def _check(self, x: Tensor) -> None:
        h, w = x.shape[2:]
        if (h, w) != self.size:
            raise ValueError(
                f"this psanet is built for maps of {self.size[0]} x {self.size[1]} and got {h} x {w}; it has a weight "
                "for every offset between two positions. Train and evaluate with images of one size"
            )


class _Branch(nn.Module):
    """One direction: R, U, V of the header and the mixture z, (n, c, h, w) -> (n, m, h', w')."""

    def __init__(
        self, channels: int, width: int, offsets: int, shrink: nn.Module, *, distributes: bool, softmax: bool
    ) -> None:
        super().__init__()
        self.reduce = _layer(channels, width)
        self.shrink = shrink
        self.attention = nn.Sequential(_layer(width, width), nn.Conv2d(width, offsets, 1, bias=False))
        self.distributes = distributes
        self.softmax = softmax

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduced(x)
        return as_map(self.weights(reduced) @ tokens(reduced), reduced)

    def reduced(self, x: Tensor) -> Tensor:
        """Return u of the header, (n, m, h', w')."""
        reduced: Tensor = self.shrink(self.reduce(x))
        return reduced

    def weights(self, reduced: Tensor) -> Tensor:
        """Return A after its softmax, (n, h' w', h' w')."""
        pairs = _of_all_pairs(self.attention(reduced))
        pairs = pairs.transpose(1, 2) if self.distributes else pairs
        return pairs.softmax(2) if self.softmax else pairs * (1 / pairs.shape[2])


class _Residual(nn.Module):
    """The sum of the features and of the attended features."""

    def forward(self, x: Tensor, attended: Tensor) -> Tensor:
        return x + attended


class _Fusion(nn.Module):
    """F of the header, on the concatenated features and attended features."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fuse = _layer(2 * channels, channels)

    def forward(self, x: Tensor, attended: Tensor) -> Tensor:
        fused: Tensor = self.fuse(torch.cat([x, attended], dim=1))
        return fused.to(x.dtype)


def _directions(direction: Literal["both", "collect", "distribute"]) -> list[str]:
    return ["collect", "distribute"] if direction == "both" else [direction]


def _shrunk(size: Size, shrink: int) -> Size:
    """Return h' and w' of the header."""
    h, w = size
    return (h - 1) // shrink + 1, (w - 1) // shrink + 1


def _resize(size: Size, to: Size) -> nn.Module:
    return nn.Identity() if size == to else Resize(size, to)


def _offsets(size: Size, *, compact: bool) -> int:
    """Return M of the header."""
    h, w = size
    return h * w if compact else (2 * h - 1) * (2 * w - 1)


def _layer(channels: int, width: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(channels, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU())


def _of_all_pairs(values: Tensor) -> Tensor:
    """Return the value at every position for every other: (n, M, h, w) -> (n, h w, h w), row i for position i.

    With one number per offset, row i is the window of the h x w offsets that lead from i into the map. The window of
    the next position starts one offset earlier, so all windows form one strided view, without indexing; its gradient
    only copies.
    """
    n, m, h, w = values.shape
    last = values.permute(0, 2, 3, 1).contiguous()  # (n, h, w, M)
    if m == h * w:  # compact; also 1x1, where both have one number
        return last.flatten(1, 2).flatten(2)
    wide = 2 * w - 1
    strides = (h * w * m, w * m - wide, m - 1, wide, 1)
    start = last.storage_offset() + (h - 1) * wide + w - 1
    return last.as_strided((n, h, w, h, w), strides, start).flatten(3).flatten(1, 2)
