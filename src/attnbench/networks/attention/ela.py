"""Efficient local attention: a gate for each channel and row times a gate for each channel and column, each local.

    f(z) = sigmoid(GN(conv1d_k(z)))                        (n, C, length),  padding (k - 1) / 2, no bias
    s = f(mean of x over w) * f(mean of x over h)          (n, C, h, 1) * (n, C, 1, w)
    y = s * x                                              (n, C, h, w)

It is `coordinate` without the bottleneck: a kernel for each channel looks along the rows and along the columns. The
group norm GN has gcd(C, N) groups of channels, N = 16, and standardises each over the whole strip. `mixed: 8` lets the
convolution mix gcd(C, 8) consecutive channels. The paper's four sizes are

    ELA-T       kernel_size: 5, norm_groups: 32        ELA-B       the defaults
    ELA-S       kernel_size: 5, mixed: 8               ELA-L       kernel_size: 7, mixed: 8

`shared: false` gives rows and columns a convolution and a norm each. `activation: hardsigmoid` replaces the sigmoids.
Any C. Maps may have any size; padding is 0. Where C <= N a group is one channel, whose norm at 1x1 is its bias, and a
batch of one image of 1x1 raises ValueError. bfloat16 stays bfloat16; means are rounded once.

Source: Xu and Wan, the section on ELA. The authors have published no code. The module that circulates in collections is
followed here: it has one convolution and one norm for both directions.
Start: torch's, as in that module.
Parameters: C k gcd(C, m) + 2C, m = `mixed`; not shared twice as many. C = 64, k = 7: 576; ELA-T, -S, -L: 448, 2,688,
3,712.
Differs from: the paper's text, in which each direction is processed on its own (`shared: false`, if that includes the
weights); the module that circulates, where 16 does not divide C: it raises an error there. timm has none.
"""

from math import gcd

from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.gates import Gate
from attnbench.study.options import BoundedActivation, OddInt, PositiveInt, odd

PAPER = "Xu, Wan: ELA: Efficient Local Attention for Deep Convolutional Neural Networks. 2024. arXiv:2403.01123"


class EfficientLocalAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(
        self,
        channels: int,
        *,
        kernel_size: OddInt = 7,
        mixed: PositiveInt = 1,
        norm_groups: PositiveInt = 16,
        shared: bool = True,
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()

        def strip() -> nn.Module:
            groups = channels // gcd(channels, mixed)
            k = odd(kernel_size)
            convolution = nn.Conv1d(channels, channels, k, padding=k // 2, groups=groups, bias=False)
            return nn.Sequential(convolution, nn.GroupNorm(gcd(channels, norm_groups), channels))

        self.strips = nn.ModuleList([strip()] if shared else [strip(), strip()])  # of rows and of columns
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        last = x.permute(0, 2, 3, 1)  # (n, h, w, c), the memory order of channels_last: sums over h and w are fast
        rows = self._along(self.strips[0], last.sum(2) * (1 / w))  # (n, h, c)
        columns = self._along(self.strips[-1], last.sum(1) * (1 / h))  # (n, w, c)
        gate = rows[:, :, None] * columns[:, None]  # (n, h, w, c)
        return gate.permute(0, 3, 1, 2).to(x.dtype)

    def _along(self, strip: nn.Module, means: Tensor) -> Tensor:
        """Return f of the header for the means (n, length, c)."""
        gate: Tensor = self.activation(strip(means.transpose(1, 2)))  # (n, c, length)
        return gate.transpose(1, 2)
