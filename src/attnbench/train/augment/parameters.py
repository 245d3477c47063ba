"""The random augmentation parameters of a batch, drawn together."""

from dataclasses import dataclass
from itertools import permutations

import torch
from torch import Tensor

MAX_DEGREES = 15.0
MAX_HUE = 0.1
SPREAD = 0.2  # of the factors of brightness, contrast and saturation, around 1

BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)
ORDERS = tuple(permutations((BRIGHTNESS, CONTRAST, SATURATION, HUE)))  # the 24 orders of the colour operations


@dataclass(frozen=True)
class Parameters:
    """The parameters of n images; every field is a tensor (n,)."""

    top: Tensor  # int64, -padding..padding: first row of the crop; rows outside the image are black
    left: Tensor  # int64, -padding..padding
    flipped: Tensor  # bool
    order: Tensor  # int64, 0..23: index into ORDERS
    brightness: Tensor  # float32, 0.8..1.2: factor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor  # float32, -0.1..0.1: shift in turns of the colour circle
    degrees: Tensor  # float32, -15..15, counter-clockwise


def draw(n: int, padding: int, generator: torch.Generator) -> Parameters:
    """Draw the parameters of n images, on the processor; `padding` is that of the crop, in pixels.

    All are drawn whatever operations are used, so the numbers of one operation do not depend on the others.
    """
    uniform = torch.rand((9, n), generator=generator)  # 0 <= u < 1
    offsets = 2 * padding + 1
    factors = 1 - SPREAD + 2 * SPREAD * uniform[4:7]
    return Parameters(
        top=(uniform[0] * offsets).long() - padding,
        left=(uniform[1] * offsets).long() - padding,
        flipped=uniform[2] < 0.5,
        order=(uniform[3] * len(ORDERS)).long(),
        brightness=factors[0],
        contrast=factors[1],
        saturation=factors[2],
        hue=(2 * uniform[7] - 1) * MAX_HUE,
        degrees=(2 * uniform[8] - 1) * MAX_DEGREES,
    )
