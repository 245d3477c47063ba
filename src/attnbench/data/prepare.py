"""From the `data` section of a study to the prepared data set that all later stages read."""

from pathlib import Path

import torch

from attnbench.data import cifar10, folder, shapes, split
from attnbench.data.source_images import SourceImages
from attnbench.records import DataSummary
from attnbench.records.prepared import Description, Prepared
from attnbench.study import schema


def prepare(data: schema.Data, root: Path) -> Prepared:
    """Read or generate the images, split them and compute their statistics; paths in `data` are relative to `root`.

    Raises:
        UserError: the images are missing or not as expected; the text says how to fix it.
    """
    match data:
        case schema.ShapesData():
            images = shapes.generate(data)
        case schema.Cifar10Data():
            images = cifar10.read(data, root)
        case schema.FolderData():
            images = folder.read(data, root)
    return _prepared(images, data.split_seed)


def summary(study: str, data: Prepared) -> DataSummary:
    """Return the record of the prepared images."""
    description = data.description
    return DataSummary(
        study=study,
        title=description.title,
        provenance=description.provenance,
        classes=list(description.classes),
        image_shape=data.image_shape,
        train=len(data.train_index),
        validation=len(data.validation_index),
        test=len(data.test_labels),
        split_seed=description.split_seed,
        mean=list(description.mean),
        std=list(description.std),
        sha256=data.sha256(),
        tensors_sha256=data.tensors_sha256(),
    )


def _prepared(images: SourceImages, split_seed: int) -> Prepared:
    train_index, validation_index = split.stratified(images.train.labels, split_seed)
    mean, std = split.channel_statistics(images.train.images[train_index])
    masks = (images.train.masks, images.test.masks)
    return Prepared(
        description=Description(images.title, images.provenance, images.classes, split_seed, mean, std),
        train_images=torch.from_numpy(images.train.images),
        train_labels=torch.from_numpy(images.train.labels),
        test_images=torch.from_numpy(images.test.images),
        test_labels=torch.from_numpy(images.test.labels),
        train_index=torch.from_numpy(train_index),
        validation_index=torch.from_numpy(validation_index),
        train_masks=None if masks[0] is None else torch.from_numpy(masks[0]),
        test_masks=None if masks[1] is None else torch.from_numpy(masks[1]),
    )
