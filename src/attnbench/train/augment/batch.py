"""The chosen operations on a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.train.augment import colour, geometry
from attnbench.train.augment.parameters import Parameters
from attnbench.train.augment.plan import Plan

OPERATIONS = (
    "crop",
    "flip",
    "jitter",
    "rotate",
)  # the order in which they act, whatever the order given


def augment(images: Tensor, operations: Sequence[str], plan: Plan, channels: int | None = None) -> Tensor:
    """Return augmented copies of uint8 images (n, c, h, w): float32 in 0..1.

    `operations` are among OPERATIONS. `channels`: keep so many; the rest are those that `packed` added.

    Raises:
        UserError: `jitter` on images that have neither 1 nor 3 channels.
    """
    moved = _move(images, operations, plan.drawn)[:, :channels]
    # along planes: colour arithmetic is three times as fast there as across interleaved channels
    result = moved.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    if "jitter" in operations:
        if result.shape[1] not in (1, 3):
            raise UserError(
                "augmentation 'jitter' changes colours and needs images of 1 or 3 channels; "
                f"these have {result.shape[1]}. Take 'jitter' out of recipe.augmentation"
            )
        result = colour.jitter(result, plan.blends)
    if "rotate" in operations:
        result = geometry.rotate(result, plan.drawn.degrees)
    return result


def _move(images: Tensor, operations: Sequence[str], drawn: Parameters) -> Tensor:
    match "crop" in operations, "flip" in operations:
        case True, True:
            return geometry.crop_and_flip(images, drawn.top, drawn.left, drawn.flipped)
        case True, False:
            return geometry.crop(images, drawn.top, drawn.left)
        case False, True:
            return geometry.flip(images, drawn.flipped)
    return images
