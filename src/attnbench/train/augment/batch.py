"""The augmentation operations of a recipe, applied to a batch."""

from collections.abc import Sequence

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.train.augment import colour, geometry
from attnbench.train.augment.epoch import BatchAugmentation
from attnbench.train.augment.parameters import Parameters

OPERATIONS = ("crop", "flip", "jitter", "rotate")  # always applied in this order


def augment(
    images: Tensor, operations: Sequence[str], augmentation: BatchAugmentation, channels: int | None = None
) -> Tensor:
    """Return augmented copies of uint8 images (n, c, h, w): float32 in 0..1.

    `operations`, among OPERATIONS, are those that `augmentation` was drawn for. `channels` is the number of channels to
    keep; `packed` added the others.

    Raises:
        UserError: `jitter` on images that have neither 1 nor 3 channels.
    """
    moved = _move(images, operations, augmentation.parameters)[:, :channels]
    # contiguous planes: colour arithmetic is three times as fast there as on interleaved channels
    result = moved.to(torch.float32, memory_format=torch.contiguous_format).div_(255)
    if augmentation.blends is not None:  # the recipe has jitter
        if result.shape[1] not in (1, 3):
            raise UserError(
                "augmentation 'jitter' changes colours and needs images of 1 or 3 channels; "
                f"these have {result.shape[1]}. Take 'jitter' out of recipe.augmentation"
            )
        result = colour.jitter(result, augmentation.blends)
    if "rotate" in operations:
        result = geometry.rotate(result, augmentation.parameters.degrees)
    return result


def _move(images: Tensor, operations: Sequence[str], parameters: Parameters) -> Tensor:
    match "crop" in operations, "flip" in operations:
        case True, True:
            return geometry.crop_and_flip(images, parameters.top, parameters.left, parameters.flipped)
        case True, False:
            return geometry.crop(images, parameters.top, parameters.left)
        case False, True:
            return geometry.flip(images, parameters.flipped)
    return images
