"""The training images, shuffled and augmented, in batches."""

from collections.abc import Iterator

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.networks import seeding
from attnbench.networks.normalisation import Normalisation
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Recipe
from attnbench.train.augment import augment, draw_epoch, packed


class Batches:
    """One iteration is one epoch, reshuffled. Order and augmentation use separate random streams.

    All images are on the device as one uint8 tensor, and batches are made there. The random numbers of an epoch are
    drawn on the processor and copied when the epoch starts; after that the device waits for nothing.

    Raises:
        UserError: a batch would hold a single image, which norms of pooled features cannot be trained on.
    """

    def __init__(self, data: Prepared, recipe: Recipe, seed: int, device: torch.device) -> None:
        images = data.train_images[data.train_index]  # uint8 (n, c, h, w)
        _refuse_single_image(len(images), recipe.batch_size)
        self.channels = images.shape[1]
        self.images = packed(images).to(device)  # uint8 (n, h, w, 4): each image is one row of memory
        self.labels = data.train_labels[data.train_index].to(device)
        self.recipe = recipe
        self.order = seeding.generator(seed, "order")
        self.augmentation = seeding.generator(seed, "augmentation")
        self.normalise = Normalisation(data.description.mean, data.description.std, device)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.recipe.batch_size)  # noqa: PLE0303 -- a ceiling, never negative

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield normalised images (n, c, h, w) and labels (n,), each image once; the last batch may be smaller."""
        device = self.labels.device
        order = torch.randperm(len(self.labels), generator=self.order).to(device)
        rows_of_batches = torch.split(order, self.recipe.batch_size)
        sizes, operations = [len(rows) for rows in rows_of_batches], self.recipe.augmentation
        augmentations = draw_epoch(sizes, operations, self.recipe.crop_padding, self.augmentation, device)
        for rows, augmentation in zip(rows_of_batches, augmentations, strict=True):
            pixels = self.images.index_select(0, rows)  # several times as fast as self.images[rows]
            images = augment(pixels.permute(0, 3, 1, 2), operations, augmentation, self.channels)
            yield self.normalise(images).contiguous(memory_format=torch.channels_last), self.labels[rows]


def _refuse_single_image(images: int, batch_size: int) -> None:
    if batch_size == 1 or images % batch_size == 1:
        larger = next((size for size in range(batch_size + 1, images) if images % size != 1), images)
        raise UserError(
            f"`recipe: batch_size: {batch_size}` leaves a batch of one image out of {images} training images; a "
            f"batch norm after a global pool needs at least two. Write another size, such as {larger}"
        )
