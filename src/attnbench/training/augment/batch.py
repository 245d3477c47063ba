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


def augment(images: Tensor, operations: Sequence[str], generator: torch.Generator) -> Tensor:
    """Return augmented copies of uint8 images (n, c, h, w): float32 in 0..1, channels last.

    `operations` are among OPERATIONS. The generator moves on by the same amount whatever operations are given.

    Raises:
        UserError: `jitter` on images that have neither 1 nor 3 channels.
    """
    drawn = draw(len(images), generator, images.device)
    moved = _move(images, operations, drawn)
    if "jitter" not in operations:
        result = moved.contiguous(memory_format=torch.channels_last).float().div_(255)
    else:
        channels = images.shape[1]
        if channels not in (1, 3):
            raise UserError(
                f"augmentation 'jitter' changes colours and needs images of 1 or 3 channels; these have {channels}. "
                "Take 'jitter' out of recipe.augmentation"
            )
        # colour arithmetic runs along planes, three times as fast as across interleaved channels
        result = colour.jitter(moved.contiguous().float().div_(255), drawn)
    if "rotate" in operations:
        result = geometry.rotate(result, drawn.degrees)
    return result.contiguous(memory_format=torch.channels_last)


def _move(images: Tensor, operations: Sequence[str], drawn: Parameters) -> Tensor:
    match "crop" in operations, "flip" in operations:
        case True, True:
            return geometry.crop_and_flip(images, drawn.top, drawn.left, drawn.flipped)
        case True, False:
            return geometry.crop(images, drawn.top, drawn.left)
        case False, True:
            return geometry.flip(images, drawn.flipped)
    return images
