"""Deletion and insertion: does the probability of a class follow the pixels that a map ranks highest?

The pixels of an image are ranked by a map (n, h, w), largest first. With a share s of them exchanged:

    deletion    ranked pixels take the mean colour of the data; a low probability says that the map finds what counts
    insertion   ranked pixels of the image appear on a blurred copy of it; a high probability says so

The score is the mean probability over s = 0.05, 0.15, ..., 0.95, the area under the curve by the midpoint rule. Equal
values of a map are ranked at random, or a map of zeros would rank rows from the top.

Source: Petsiuk et al. 2018, arXiv:1806.07421, algorithm 1. Differs: image j has two of the ten shares, in turn, numbers
j mod 5 and j mod 5 + 5, so a mean over images has all of them for a fifth of the cost.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.transforms.functional import gaussian_blur

SHARES = 10
TURNS = 5
BLUR = (11, 5.0)  # kernel and standard deviation, in pixels, as in the authors' code

Probability = Callable[[Tensor], Tensor]  # normalised images (n, c, h, w) -> probability of each image's class (n,)


def deletion(probability: Probability, x: Tensor, ranks: Tensor, turns: Tensor) -> Tensor:
    """Return the score (n,) of ranks (n, h, w) for normalised images, whose mean colour is 0, and their turns (n,)."""
    return _score(probability, x, torch.zeros_like(x), ranks, turns)


def insertion(probability: Probability, x: Tensor, ranks: Tensor, turns: Tensor) -> Tensor:
    """Return the score (n,) of ranks (n, h, w) for normalised images and their turns (n,)."""
    return _score(probability, blurred(x), x, ranks, turns)


def blurred(x: Tensor) -> Tensor:
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


def _score(probability: Probability, start: Tensor, end: Tensor, ranks: Tensor, turns: Tensor) -> Tensor:
    pixels = ranks[0].numel()
    scores = []
    for first in range(0, SHARES, TURNS):
        exchanged = (turns + first + 0.5) / SHARES * pixels  # (n,)
        is_exchanged = ranks < exchanged[:, None, None]
        scores.append(probability(torch.where(is_exchanged[:, None], end, start)))
    return torch.stack(scores).mean(0)
