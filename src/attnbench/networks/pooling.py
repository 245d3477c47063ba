"""Means and maxima over positions or channels, spelled for speed.

These are plain pools; only the spelling is unusual (docs/decisions/005 has the times). Where a gradient is wanted, one
function gives mean and maximum with a backward pass of its own, since autograd would fill, scatter and add whole maps
for each. Without a gradient, and while a network is traced to count its operators, the pools are plain operators, which
spare one image the time of an autograd function.

Of equal maxima over positions the first takes the gradient, as in the authors' max pool; equal maxima over channels
share it evenly, since finding the first costs eight times as much as the maximum.
"""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import max_pool2d


def mean_over_positions(x: Tensor) -> Tensor:
    """Return the mean of every channel: (n, c, h, w) -> (n, c)."""
    return x.sum((2, 3)) * (1 / (x.shape[2] * x.shape[3]))


def max_over_positions(x: Tensor) -> Tensor:
    """Return the maximum of every channel: (n, c, h, w) -> (n, c). The first maximum takes the gradient."""
    if _is_differentiated(x):
        return mean_and_max_over_positions(x)[1]
    if x.dtype == torch.bfloat16 and x.is_cpu and not _is_traced():
        return max_pool2d(x, x.shape[2:]).flatten(1)  # `amax` of bfloat16 is ten times slower
    return x.amax((2, 3))


def mean_and_max_over_positions(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum of every channel: (n, c, h, w) -> (n, c), twice. The first maximum takes the gradient."""
    if not _is_differentiated(x):
        return mean_over_positions(x), max_over_positions(x)
    found: tuple[Tensor, Tensor] = _OverPositions.apply(x)
    return found


def norm_over_positions(x: Tensor) -> Tensor:
    """Return the Euclidean norm of every channel: (n, c, h, w) -> (n, c). A channel of zeros has gradient 0."""
    norm: Tensor = torch.linalg.vector_norm(x, dim=(2, 3))
    return norm.to(x.dtype)


def logsumexp_over_positions(x: Tensor) -> Tensor:
    """Return log(sum of exp(x)) of every channel: (n, c, h, w) -> (n, c)."""
    return x.flatten(2).logsumexp(2).to(x.dtype)


def mean_over_channels(x: Tensor) -> Tensor:
    """Return the mean at each position: (n, c, h, w) -> (n, 1, h, w)."""
    return x.sum(1, keepdim=True) * (1 / x.shape[1])


def max_over_channels(x: Tensor) -> Tensor:
    """Return the maximum at each position: (n, c, h, w) -> (n, 1, h, w). Equal maxima share a gradient."""
    return mean_and_max_over_channels(x)[1] if _is_differentiated(x) else _wide(x).amax(1, keepdim=True).to(x.dtype)


def mean_and_max_over_channels(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and maximum at each position: (n, c, h, w) -> (n, 1, h, w), twice. Equal maxima share a gradient."""
    if not _is_differentiated(x):
        return _over_channels(x)
    found: tuple[Tensor, Tensor] = _OverChannels.apply(x)
    return found


def _is_traced() -> bool:
    return bool(torch.jit.is_tracing())  # type: ignore[attr-defined, no-untyped-call]


def _is_differentiated(x: Tensor) -> bool:
    return x.requires_grad and torch.is_grad_enabled() and not _is_traced()


def _wide(x: Tensor) -> Tensor:
    """Return `x` in the type in which its maxima are fast: those of bfloat16 are several times slower."""
    return x.float() if x.dtype == torch.bfloat16 else x


def _over_channels(x: Tensor) -> tuple[Tensor, Tensor]:
    wide = _wide(x)
    mean = wide.sum(1, keepdim=True) * (1 / x.shape[1])
    return mean.to(x.dtype), wide.amax(1, keepdim=True).to(x.dtype)


class _OverPositions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        largest, where = max_pool2d(x, x.shape[2:], return_indices=True)  # (n, c, 1, 1), `where` in rows of w
        ctx.save_for_backward(where)
        ctx.shape = x.shape
        return mean_over_positions(x), largest.flatten(1)

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_max: Tensor) -> Tensor:
        n, c, h, w = ctx.shape
        (where,) = ctx.saved_tensors
        each = (of_mean * (1 / (h * w)))[:, None, :]  # (n, 1, c)
        gradient: Tensor = each.expand(n, h * w, c).contiguous()
        row = torch.arange(n, device=where.device)[:, None] * (h * w) + where.flatten(1)  # (n, c)
        place = row * c + torch.arange(c, device=where.device)
        gradient.view(-1).index_add_(0, place.flatten(), of_max.flatten().to(gradient.dtype))
        return gradient.view(n, h, w, c).permute(0, 3, 1, 2)


class _OverChannels(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, largest = _over_channels(x)
        ctx.save_for_backward(x, largest)
        return mean, largest

    @staticmethod
    def backward(ctx: Any, of_mean: Tensor, of_max: Tensor) -> Tensor:
        x, largest = ctx.saved_tensors
        gradient = torch.eq(
            x, largest, out=torch.empty_like(x)
        )  # 1 at the maxima; a map of booleans takes twice as long
        gradient.mul_(of_max / gradient.sum(1, keepdim=True))
        return gradient.add_(of_mean * (1 / x.shape[1]))
