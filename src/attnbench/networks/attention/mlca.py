"""Mixed local channel attention: the gate of `eca` for the whole map, averaged with one for each of L x L windows.

    z = window means of x                                  (n, C, L, L)
    g = sigmoid(conv1d_k(mean of z over its positions))    (n, C),        across the channels, as in `eca`
    l = sigmoid(conv1d_k(z as one sequence))               (n, C L L),    position by position, channels within
    s = window means of (1 - v) g + v l, to h x w          (n, C, h, w)
    y = s * x                                              (n, C, h, w)
    k = t if t is odd else t + 1,  t = int(|log2(C) + b| / gamma)

Each direction has `to` windows: window i of `to` over `length` positions reaches from floor(i length / to) to
ceil((i + 1) length / to), which is torch's adaptive average pool; with more windows than positions it enlarges. The
kernels of g and l are separate, without bias and padded with 0; the sequence of l runs on from the last channel of a
window to the first of the next. v is `local_weight`, L is `local_size`.
`activation: hardsigmoid` replaces both sigmoids.
Any C; k is 1 below C = 8. Maps may have any size; at 1x1 every window is x itself. Pools are products with constant
matrices, counted as C (2 L h w + L L (h + w)) multiply-adds: the gradient of torch's pool does not repeat on CUDA.
bfloat16 stays bfloat16; windows are rounded.

Source: Wan et al.; the authors' code.
Start: torch's, as in the authors' code.
Parameters: 2k. C = 16..64: 6, 128..1024: 10.
Differs from: the authors' first code, in which the gate g was averaged over the images of a batch, and which they
corrected; the rule of `eca`, which has k = 3 at least. timm has none.
"""

from math import log2

import torch
from torch import Tensor, nn

from attnbench.networks import activations
from attnbench.networks.gates import Gate
from attnbench.study.options import BoundedActivation, OpenShare, PositiveFloat, PositiveInt

PAPER = (
    "Wan, Lu, Shen, Xu, Lang, Ren: Mixed Local Channel Attention for Object Detection. Engineering Applications of "
    "Artificial Intelligence 123, 2023. doi:10.1016/j.engappai.2023.106442"
)


class MixedLocalChannelAttention(Gate):
    """The gate of the header."""

    def __init__(
        self,
        channels: int,
        *,
        local_size: PositiveInt = 5,
        local_weight: OpenShare = 0.5,
        gamma: PositiveFloat = 2.0,
        b: float = 1.0,
        activation: BoundedActivation = "sigmoid",
    ) -> None:
        super().__init__()
        t = int(abs(log2(channels) + b) / gamma)
        k = t if t % 2 else t + 1
        self.whole = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)
        self.local = nn.Conv1d(1, 1, k, padding=k // 2, bias=False)
        self.local_size = local_size
        self.local_weight = local_weight
        self.activation = activations.named(activation)

    def gate(self, x: Tensor) -> Tensor:
        _, c, h, w = x.shape
        size = self.local_size
        means = _resized(x.permute(0, 2, 3, 1), size, size)  # (n, l, l, c)
        whole = self.activation(self.whole(means.mean((1, 2))[:, None]))  # (n, 1, c)
        local = self.activation(self.local(means.reshape(-1, 1, size * size * c))).view(-1, size, size, c)
        mixed = (1 - self.local_weight) * whole[:, None] + self.local_weight * local  # (n, l, l, c)
        return _resized(mixed, h, w).permute(0, 3, 1, 2).to(x.dtype)


def _resized(x: Tensor, height: int, width: int) -> Tensor:
    """Return the means of height x width windows: (n, h, w, c) -> (n, height, width, c)."""
    _, h, w, c = x.shape
    low = _window_means(h, height, x) @ x.flatten(2)  # (n, height, w c)
    return _window_means(w, width, x) @ low.view(-1, height, w, c)


def _window_means(length: int, to: int, like: Tensor) -> Tensor:
    """Return the weights (to, length) of the `length` positions in the mean of each of the `to` windows."""
    position = torch.arange(length, device=like.device)
    index = torch.arange(to, device=like.device)[:, None]
    inside = (position >= index * length // to) & (position <= ((index + 1) * length - 1) // to)
    return inside.to(like.dtype) / inside.sum(1, keepdim=True)
