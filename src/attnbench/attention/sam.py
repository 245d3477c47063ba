"""CBAM's spatial attention alone: a gate for each position from the maximum and the mean over the channels.

    d = [max of x over C; mean of x over C]                (n, 2, h, w)
    s = sigmoid(norm(conv_kxk(d)))                         (n, 1, h, w),  padding (k - 1) / 2, no bias
    y = s * x                                              (n, C, h, w)

Source: Woo et al., equation 3; the authors' code, which has a batch norm behind the convolution (momentum 0.01) whose
weight starts at 0, so that the gate starts as the constant 0.5.
Parameters: 2k^2 + 2; without norm 2k^2. k = 7: 100, 98. Any C.
Differs from: the paper's text, which has no norm (`norm: false`); timm's SpatialAttn, whose norm weight starts at 1
(`norm_weight: 1.0`, momentum 0.1) and which stacks mean before max.
"""

import torch
from torch import Tensor, nn

from attnbench.attention._contract import Gate
from attnbench.attention._pooling import mean_and_max_over_channels
from attnbench.families import OddInt, odd

PAPER = "Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module. ECCV 2018. arXiv:1807.06521"


class SpatialAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(self, *, kernel_size: int, norm: bool, norm_weight: float) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 1, odd(kernel_size), padding=kernel_size // 2, bias=False)
        self.norm: nn.Module = nn.Identity()
        if norm:
            self.norm = nn.BatchNorm2d(1, momentum=0.01)
            nn.init.constant_(self.norm.weight, norm_weight)

    def gate(self, x: Tensor) -> Tensor:
        mean, largest = mean_and_max_over_channels(x)  # (n, 1, h, w), (n, 1, h, w)
        descriptor = torch.cat([largest, mean], dim=1)  # (n, 2, h, w)
        logits: Tensor = self.norm(self.conv(descriptor))  # (n, 1, h, w)
        return logits.sigmoid()

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"spatial": self.gate(x)}


def parameter_count(channels: int, *, kernel_size: OddInt = 7, norm: bool = True, norm_weight: float = 0.0) -> int:
    """Return the exact number of parameters, the same for any number of channels."""
    del channels, norm_weight
    return 2 * kernel_size**2 + (2 if norm else 0)


def build(channels: int, *, kernel_size: OddInt = 7, norm: bool = True, norm_weight: float = 0.0) -> SpatialAttention:
    """Return the module; it does not depend on `channels`."""
    del channels
    return SpatialAttention(kernel_size=kernel_size, norm=norm, norm_weight=norm_weight)
