"""From a study's `data` section to the prepared data set that all later stages read."""

from pathlib import Path

import torch

from attnbench.data import cifar10, folder, shapes, split
from attnbench.data.images import Images
from attnbench.records import DataSummary
from attnbench.records.prepared import Description, Prepared
from attnbench.study import schema


def prepare(config: schema.Data, root: Path) -> Prepared:
    """Read or generate the images, split them and take their statistics; paths in `config` are relative to `root`.

    Raises:
        UserError: the images cannot be had as they should be; the text says how to mend it.
    """
    match config:
        case schema.ShapesData():
            images = shapes.generate(config)
        case schema.Cifar10Data():
            images = cifar10.read(config, root)
        case schema.FolderData():
            images = folder.read(config, root)
    return _prepared(images, config.split_seed)


def summary(study: str, data: Prepared) -> DataSummary:
    """Return the record of the prepared images."""
    described = data.description
    _, channels, height, width = data.train_images.shape
    return DataSummary(
        study=study,
        title=described.title,
        provenance=described.provenance,
        classes=list(described.classes),
        image_shape=(channels, height, width),
        train=len(data.train_index),
        validation=len(data.validation_index),
        test=len(data.test_labels),
        split_seed=described.split_seed,
        mean=list(described.mean),
        std=list(described.std),
        sha256=data.sha256(),
        tensors_sha256=data.tensors_sha256(),
    )


def _prepared(images: Images, split_seed: int) -> Prepared:
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
