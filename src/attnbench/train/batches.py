"""The training images, shuffled and augmented, batch by batch."""

from collections.abc import Iterator

import torch
from torch import Tensor

from attnbench.errors import UserError
from attnbench.networks import seeding
from attnbench.networks.normalisation import Normalisation
from attnbench.records.prepared import Prepared
from attnbench.study.schema import Recipe
from attnbench.train.augment import augment, packed, plans


class Batches:
    """All training images once, each time they are gone over, in another order; order and augmentation have streams.

    The images lie on the device as one uint8 tensor, and every batch is made there. What is random in an epoch is
    drawn on the processor and copied when the epoch begins; within it the device waits for nothing.

    Raises:
        UserError: a batch would hold one image alone, of which no norm of pooled features can learn.
    """

    def __init__(self, data: Prepared, recipe: Recipe, seed: int, device: torch.device) -> None:
        images = data.train_images[data.train_index]  # uint8 (n, c, h, w)
        _refuse_single_image(len(images), recipe.batch_size)
        self.channels = images.shape[1]
        self.images = packed(images).to(device)  # uint8 (n, h, w, 4): a whole image is one row of memory
        self.labels = data.train_labels[data.train_index].to(device)
        self.recipe = recipe
        self.order = seeding.generator(seed, "order")
        self.augmentation = seeding.generator(seed, "augmentation")
        self.normalise = Normalisation(data.description.mean, data.description.std, device)

    def __len__(self) -> int:
        return -(-len(self.labels) // self.recipe.batch_size)  # noqa: PLE0303 -- a ceiling, never negative

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield every image once: normalised (n, c, h, w) and labels (n,); the last batch may be smaller."""
        device = self.labels.device
        order = torch.randperm(len(self.labels), generator=self.order).to(device)
        chosen_each = torch.split(order, self.recipe.batch_size)
        planned = plans([len(chosen) for chosen in chosen_each], self.augmentation, device)
        for chosen, plan in zip(chosen_each, planned, strict=True):
            images = self.images.index_select(0, chosen).permute(
                0, 3, 1, 2
            )  # several times as fast as self.images[chosen]
            images = augment(images, self.recipe.augmentation, plan, self.channels)
            yield self.normalise(images), self.labels[chosen]


def _refuse_single_image(images: int, batch_size: int) -> None:
    if batch_size == 1 or images % batch_size == 1:
        larger = next((size for size in range(batch_size + 1, images) if images % size != 1), images)
        raise UserError(
            f"`recipe: batch_size: {batch_size}` leaves one of {images} training images alone in a batch; batch "
            f"norms behind a pool have nothing to compare it with. Write another size, such as {larger}"
        )
