"""What all contenders train on: generated shapes, so that nothing has to be fetched or prepared first."""

import torch

from attnbench.data import shapes, split
from attnbench.records.prepared import Description, Prepared
from attnbench.study.schema import ShapesData

FEWEST = 100  # that `shapes` draws


def draw(count: int) -> Prepared:
    """Return `count` images (3, 32, 32) of ten classes, all of them trained on, the same each time."""
    drawn = shapes.generate(
        ShapesData(source="shapes", train_images=max(count, FEWEST), test_images=10, seed=0, split_seed=0)
    )
    images, labels = drawn.train.images[:count], drawn.train.labels[:count]
    mean, std = split.channel_statistics(images)
    return Prepared(
        description=Description(drawn.title, drawn.provenance, drawn.classes, 0, mean, std),
        train_images=torch.from_numpy(images),
        train_labels=torch.from_numpy(labels),
        test_images=torch.from_numpy(drawn.test.images),
        test_labels=torch.from_numpy(drawn.test.labels),
        train_index=torch.arange(count),
        validation_index=torch.arange(0),
    )
