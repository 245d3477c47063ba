"""A tutorial's short form of point-wise spatial attention: `psanet` without separate maps for every position.

    u = R x                                                (n, m, h w),  1x1 convolution C -> m, m = max(1, C // r)
    c = softmax over positions of (collect u)              (n, m, h w),  1x1 convolution m -> m
    d = softmax over channels of (distribute u)            (n, m, h w),  1x1 convolution m -> m
    z = u + (u c^T) d                                      (n, m, h w)
    y = x + P z                                            (n, C, h, w), 1x1 convolution m -> C

The tutorial multiplies c d^T, which is (n, m, m), and views it as a map (n, m, h, w); that needs m = h w.
The interpretation here keeps all parts and works for every size. c^T d is (n, h w, h w). Every channel of c sums to 1
over the positions and every position of d sums to 1 over the channels, so each column of c^T d sums to 1 over the
positions, like the softmax of `psanet`. It is therefore a point-wise attention of rank m, applied to u. The result has
m channels; P and the sum with x, which keep C in a slot, are an adaptation. All four convolutions have biases.
`maps`: `spatial`, the attention that each position receives from all outputs.
(u c^T) d costs 2 m^2 h w multiply-adds; nothing grows with (h w)^2. Below C = r there is one channel, for which d is 1.
Maps may have any size; at 1x1 c is 1. bfloat16 stays bfloat16, including c and d, except under CUDA's autocast.

Source: a tutorial on four attention modules, its `PSA` after Zhao et al.
Start: torch's, as in the tutorial.
Parameters: 2Cm + 2m^2 + 3m + C. C = 64, r = 4: 2,672.
Differs from: PSANet and its authors' code, which is `psanet` (norms, ReLUs, a separate map for every position, one
size of map); DoubleAttention in several collections of modules, which has the same two softmaxes and parallel
convolutions of x, without u in the sum.
"""

from collections.abc import Mapping

from torch import Tensor, nn

from attnbench.networks.bottleneck import hidden_width
from attnbench.networks.gates import Attention
from attnbench.networks.positions import as_map, received, tokens
from attnbench.study.options import PositiveInt

PAPER = (
    "Zhao, Zhang, Liu, Shi, Loy, Lin, Jia: PSANet: Point-wise Spatial Attention Network for Scene Parsing. ECCV 2018. "
    "doi:10.1007/978-3-030-01240-3_17"
)


class SimplePointwiseSpatialAttention(Attention):
    """The formula of the header; `reduction` is r."""

    def __init__(self, channels: int, *, reduction: PositiveInt = 4) -> None:
        super().__init__()
        width = hidden_width(channels, reduction)
        self.reduce = nn.Conv2d(channels, width, 1)
        self.collect = nn.Conv2d(width, width, 1)
        self.distribute = nn.Conv2d(width, width, 1)
        self.proj = nn.Conv2d(width, channels, 1)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        reduced = self.reduce(x)
        collected, distributed = self._factors(reduced)
        features = tokens(reduced)  # (n, h w, m)
        mixed = distributed @ (collected.transpose(1, 2) @ features)  # (n, h w, m)
        return {"term": self.proj(as_map(features + mixed, x))}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return x + modulation["term"]

    def _factors(self, reduced: Tensor) -> tuple[Tensor, Tensor]:
        """Return c and d of the header, both (n, h w, m)."""
        return tokens(self.collect(reduced)).softmax(1), tokens(self.distribute(reduced)).softmax(2)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        collected, distributed = self._factors(self.reduce(x))
        of_mean_output = distributed.mean(1, keepdim=True) @ collected.transpose(1, 2)  # (n, 1, h w)
        return {"spatial": received(of_mean_output, x)}
