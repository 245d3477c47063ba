"""Augmentation of whole batches, with separate random parameters for each image.

Does what torchvision's transforms do image by image, at a fraction of the cost: `draw_epoch` takes all random numbers
of an epoch from one generator, and every operation is a pure function of the images and one parameter per image. It
uses indexing and element-wise arithmetic only, so results are reproducible on a processor and on an accelerator.
"""

from attnbench.train.augment.batch import augment
from attnbench.train.augment.epoch import BatchAugmentation, draw_epoch
from attnbench.train.augment.geometry import packed

__all__ = ["BatchAugmentation", "augment", "draw_epoch", "packed"]
