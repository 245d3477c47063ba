"""The chosen operations on a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.training.augment import colour, geometry
from attnbench.training.augment.parameters import Parameters, draw

OPERATIONS = (
    "crop",
    "flip",
    "jitter",
    "rotate",
)  # the order in which they act, whatever the order given


def augment(
    images: Tensor, operations: Sequence[str], generator: torch.Generator, channels: int | None = None
) -> Tensor:
    """Return augmented copies of uint8 images (n, c, h, w): float32 in 0..1.

    `operations` are among OPERATIONS. `channels`: keep so many; the rest are those that `packed` added. The generator
    moves on by the same amount whatever operations are given.

    Raises:
        UserError: `jitter` on images that have neither 1 nor 3 channels.
    """
    drawn = draw(len(images), generator)
    moved = _move(images, operations, drawn)[:, :channels]
    # along planes: colour arithmetic is three times as fast there as across interleaved channels
    result = moved.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    if "jitter" in operations:
        if result.shape[1] not in (1, 3):
            raise UserError(
                "augmentation 'jitter' changes colours and needs images of 1 or 3 channels; "
                f"these have {result.shape[1]}. Take 'jitter' out of recipe.augmentation"
            )
        result = colour.jitter(result, drawn)
    if "rotate" in operations:
        result = geometry.rotate(result, drawn.degrees.to(images.device))
    return result


def _move(images: Tensor, operations: Sequence[str], drawn: Parameters) -> Tensor:
    top, left, flipped = (each.to(images.device) for each in (drawn.top, drawn.left, drawn.flipped))
    match "crop" in operations, "flip" in operations:
        case True, True:
            return geometry.crop_and_flip(images, top, left, flipped)
        case True, False:
            return geometry.crop(images, top, left)
        case False, True:
            return geometry.flip(images, flipped)
    return images
