"""Means and maxima over positions or channels, implemented for speed.

These are plain pools with an unusual implementation (timings: docs/decisions/005). With gradients, one autograd
function computes mean and maximum together and has its own backward pass, because autograd would fill, scatter and add
a whole map for each. Without gradients, and while a network is traced to count its operators, the pools are plain
operators; this saves the overhead of an autograd function, which is noticeable for a single image.

Ties: among equal maxima over positions, the first receives the gradient, as in the authors' max pool. Equal maxima over
channels share the gradient evenly, because finding the first costs eight times as much as the maximum itself.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d


def mean_over_positions(x: Tensor) -> Tensor:
    """Return the mean of every channel: (n, c, h, w) -> (n, c)."""
    return x.sum((2, 3)) * (1 / (x.shape[2] * x.shape[3]))


def max_over_positions(x: Tensor) -> Tensor:
    """Return the maximum of every channel: (n, c, h, w) -> (n, c). The first maximum receives the gradient."""
    if _is_differentiated(x):
        return mean_and_max_over_positions(x)[1]
    if x.dtype == torch.bfloat16 and x.is_cpu and not is_traced():
        return max_pool2d(x, x.shape[2:]).flatten(1)  # `amax` of bfloat16 is ten times slower
    return x.amax((2, 3))


def mean_and_max_over_positions(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two pools of every channel: (n, c, h, w) -> (n, c), twice. The first maximum receives the gradient."""
    if not _is_differentiated(x):
        return mean_over_positions(x), max_over_positions(x)
    pooled: tuple[Tensor, Tensor] = _OverPositions.apply(x)
    return pooled


def norm_over_positions(x: Tensor) -> Tensor:
    """Return the Euclidean norm of every channel: (n, c, h, w) -> (n, c). The gradient of an all-zero channel is 0."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=(2, 3))
    return norm.to(x.dtype)


def logsumexp_over_positions(x: Tensor) -> Tensor:
    """Return log(sum of exp(x)) of every channel: (n, c, h, w) -> (n, c)."""
    return x.flatten(2).logsumexp(2).to(x.dtype)


def mean_over_channels(x: Tensor) -> Tensor:
    """Return the mean at each position: (n, c, h, w) -> (n, 1, h, w)."""
    return x.sum(1, keepdim=True) * (1 / x.shape[1])


def max_over_channels(x: Tensor) -> Tensor:
    """Return the maximum at each position: (n, c, h, w) -> (n, 1, h, w). Equal maxima share the gradient."""
    return mean_and_max_over_channels(x)[1] if _is_differentiated(x) else _wide(x).amax(1, keepdim=True).to(x.dtype)


def mean_and_max_over_channels(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the two pools at each position: (n, c, h, w) -> (n, 1, h, w), twice. Equal maxima share the gradient."""
    if not _is_differentiated(x):
        return _over_channels(x)
    pooled: tuple[Tensor, Tensor] = _OverChannels.apply(x)
    return pooled


def is_traced() -> bool:
    """Return whether a network is being traced to count its operators."""
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def _is_differentiated(x: Tensor) -> bool:
    return x.requires_grad and torch.is_grad_enabled() and not is_traced()


def _wide(x: Tensor) -> Tensor:
    """Return `x` in a type with fast maxima: those of bfloat16 are several times slower than those of float32."""
    return x.float() if x.dtype == torch.bfloat16 else x


def _over_channels(x: Tensor) -> tuple[Tensor, Tensor]:
    wide = _wide(x)
    mean = wide.sum(1, keepdim=True) * (1 / x.shape[1])
    return mean.to(x.dtype), wide.amax(1, keepdim=True).to(x.dtype)


class _OverPositions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        largest, position = _first_largest(x)
        ctx.save_for_backward(position)
        ctx.shape = x.shape
        return mean_over_positions(x), largest

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_max: Tensor) -> Tensor:
        n, c, h, w = ctx.shape
        (position,) = ctx.saved_tensors
        spread = _spread_by_comparison if position.is_cuda else _spread_by_index
        gradient = spread((of_mean * (1 / (h * w)))[:, None, :], of_max, position, h * w)  # (n, h w, c)
        return gradient.view(n, h, w, c).permute(0, 3, 1, 2)


def _first_largest(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the maximum of every channel and its first position, row by row: (n, c, h, w) -> (n, c), twice."""
    if x.is_cuda:  # where a pool over the whole map visits its positions one after the other
        return torch.max(x.flatten(2), dim=2)
    largest, position = max_pool2d(x, x.shape[2:], return_indices=True)  # six times as fast as `max` on a processor
    return largest.flatten(1), position.flatten(1)


def _spread_by_index(share: Tensor, of_max: Tensor, position: Tensor, positions: int) -> Tensor:
    """Return `share` (n, 1, c) at every position, and `of_max` (n, c) added at `position` (n, c): (n, positions, c)."""
    n, c = position.shape
    gradient = share.expand(n, positions, c).contiguous()
    row = torch.arange(n, device=position.device)[:, None] * positions + position
    index = row * c + torch.arange(c, device=position.device)  # of the maxima in the flattened gradient
    gradient.view(-1).index_add_(0, index.flatten(), of_max.flatten().to(gradient.dtype))
    return gradient


def _spread_by_comparison(share: Tensor, of_max: Tensor, position: Tensor, positions: int) -> Tensor:
    """Return the same as `_spread_by_index`, whose deterministic form sorts all indices on an accelerator."""
    here = torch.arange(positions, device=position.device)[:, None]
    return torch.where(here == position[:, None], share + of_max[:, None], share)


class _OverChannels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, largest = _over_channels(x)
        ctx.save_for_backward(x, largest)
        return mean, largest

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_max: Tensor) -> Tensor:
        x, largest = ctx.saved_tensors
        gradient = torch.eq(x, largest, out=torch.empty_like(x))  # 1 at the maxima; booleans would take twice as long
        gradient.mul_(of_max / gradient.sum(1, keepdim=True))
        return gradient.add_(of_mean * (1 / x.shape[1]))
