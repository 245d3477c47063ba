"""Deletion and insertion: does the probability of a class follow the pixels that a map ranks highest?

The pixels of an image are ranked by a map (n, h, w), largest first. With a share s of them exchanged:

    deletion    ranked pixels take the mean colour of the data; a low probability says that the map finds what counts
    insertion   ranked pixels of the image appear on a blurred copy of it; a high probability says so

The score is the mean probability over s = 0.05, 0.15, ..., 0.95, the area under the curve by the midpoint rule. Equal
values of a map are ranked at random, or a map of zeros would rank rows from the top.

Source: Petsiuk et al. 2018, arXiv:1806.07421, algorithm 1. Differs: image j has one of the ten shares, number j mod 10,
so a mean over images has all of them for a tenth of the cost.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

SHARES = 10
BLUR = (11, 5.0)  # kernel and standard deviation, in pixels, as in the authors' code

Probability = Callable[[Tensor], Tensor]  # normalised images (n, c, h, w) -> probability of each image's class (n,)


def deletion(probability: Probability, x: Tensor, ranks: Tensor, shares: Tensor) -> Tensor:
    """Return the score (n,) of ranks (n, h, w) for normalised images, whose mean colour is 0.

    `shares` (n,), 0..SHARES-1, number the share of pixels that is exchanged in each image.
    """
    return _score(probability, x, torch.zeros_like(x), ranks, shares)


def insertion(probability: Probability, x: Tensor, blurred: Tensor, ranks: Tensor, shares: Tensor) -> Tensor:
    """Return the score (n,) of ranks (n, h, w) for normalised images and their blurred copies; `shares` as above."""
    return _score(probability, blurred, x, ranks, shares)


def blur(x: Tensor) -> Tensor:
    """Return blurred images; the kernel is smaller for images that are smaller than it."""
    kernel = min(BLUR[0], *(2 * ((side - 1) // 2) + 1 for side in x.shape[-2:]))
    result: Tensor = gaussian_blur(x, [kernel, kernel], [BLUR[1], BLUR[1]])
    return result


def ranked(maps: Tensor, ties: torch.Generator) -> Tensor:
    """Return the rank (n, h, w) of every pixel, 0 for the largest value; `ties` orders equal values."""
    flat = maps.flatten(1)
    shuffled = torch.randperm(flat.shape[1], generator=ties).to(maps.device)
    order = shuffled[flat[:, shuffled].argsort(dim=1, descending=True, stable=True)]  # (n, h w)
    positions = torch.arange(flat.shape[1], device=maps.device).expand_as(order)
    return torch.empty_like(order).scatter_(1, order, positions).view_as(maps)


def _score(probability: Probability, start: Tensor, end: Tensor, ranks: Tensor, shares: Tensor) -> Tensor:
    exchanged = (shares + 0.5) / SHARES * ranks[0].numel()  # pixels of each image (n,)
    return probability(torch.where((ranks < exchanged[:, None, None])[:, None], end, start))
