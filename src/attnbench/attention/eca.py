"""Efficient channel attention: a gate for each channel from the means of its neighbours in channel order.

    z = mean of x over (h, w)                              (n, C)
    s = sigmoid(conv1d_k(z))                               (n, C),  one kernel shared by all channels, zero padding
    y = s * x                                              (n, C, h, w)
    k = t if t is odd else t + 1,  t = int(|log2(C) / 2 + 1 / 2|), and at least 3

Source: Wang et al., equations 9 and 12 (gamma = 2, b = 1).
Parameters: k. C = 16..64: 3, 128..1024: 5, 2048: 7.
Differs from: the authors' released code, which takes k = 3 or hand-typed kernels and does not hold the rule
(`kernel_size: 3`); the rule as printed, which gives k = 1 below C = 8. timm's EcaModule agrees.
"""

from math import log2

from torch import Tensor, nn

from attnbench.attention._contract import Gate
from attnbench.attention._pooling import mean_over_positions
from attnbench.families import OddInt, odd

PAPER = (
    "Wang, Wu, Zhu, Li, Zuo, Hu: ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks. "
    "CVPR 2020. arXiv:1910.03151"
)


def adaptive_kernel(channels: int) -> int:
    """Return the paper's kernel size for `channels`: odd, at least 3."""
    t = int(abs(log2(channels) / 2 + 1 / 2))
    return max(3, t if t % 2 else t + 1)


class EfficientChannelAttention(Gate):
    """The gate of the header; `kernel_size` is k, odd."""

    def __init__(self, kernel_size: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(1, 1, odd(kernel_size), padding=kernel_size // 2, bias=False)

    def gate(self, x: Tensor) -> Tensor:
        logits: Tensor = self.conv(mean_over_positions(x)[:, None])  # (n, 1, c)
        return logits.sigmoid()[:, 0, :, None, None]  # (n, c, 1, 1)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"channel": self.gate(x)}


def parameter_count(channels: int, *, kernel_size: OddInt | None = None) -> int:
    """Return the exact number of parameters: the kernel size."""
    return kernel_size or adaptive_kernel(channels)


def build(channels: int, *, kernel_size: OddInt | None = None) -> EfficientChannelAttention:
    """Return the module for `channels` feature maps; without a `kernel_size` the paper's rule sets it."""
    return EfficientChannelAttention(kernel_size or adaptive_kernel(channels))
