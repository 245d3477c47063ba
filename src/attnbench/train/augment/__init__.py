"""Augmentation of whole batches, each image with its own random parameters.

What torchvision's transforms do to one image at a time, at a small share of the cost: `plans` takes all random numbers
of an epoch from one generator, and every operation is a pure function of the images and a parameter per image. All is
index and point arithmetic, so bits repeat on a CPU and on an accelerator.
"""

from attnbench.train.augment.batch import augment
from attnbench.train.augment.geometry import packed
from attnbench.train.augment.plan import Plan, plans

__all__ = ["Plan", "augment", "packed", "plans"]
