"""The record of one trained network whose maps were tested, with the maps of a few images to compare runs by."""

from typing import Annotated, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Base64Bytes, Field, model_validator

from attnbench.records.io import AtLeastOne, NotNegative, Record, Share
from attnbench.study.schema import Line, Name, Seed, Sha256

SIDE = 8  # pixels of a stored map
Correlation = Annotated[float, Field(ge=-1, le=1)]


class Curves(Record):
    """Mean probability of the predicted class while pixels are exchanged in the order of a map."""

    deletion: Share  # lower is better
    insertion: Share  # higher is better


class OnObjects(Record):
    """How well a map finds the object of an image, mean over images: see `attnbench.maps.objects`."""

    energy: Share
    pointing: Share
    precision: Share  # average precision


class Objects(Record):
    """Maps other than Grad-CAM against the known masks of the objects."""

    area: Share  # share of an image that the object covers: what a constant map scores
    centre: OnObjects  # of a Gaussian in the centre
    gates: dict[Line, OnObjects]  # by slot: modules with a spatial map


class StoredMaps(Record):
    """Grad-CAM of the first images, each averaged or repeated to SIDE x SIDE and divided by its largest value."""

    images: AtLeastOne
    values: Base64Bytes  # uint8 (images, SIDE, SIDE), 255 for the largest value

    @model_validator(mode="after")
    def _has_all_values(self) -> Self:
        if len(self.values) != self.images * SIDE**2:
            raise ValueError(f"{len(self.values)} values for {self.images} maps of {SIDE} x {SIDE}")
        return self

    def array(self) -> NDArray[np.uint8]:
        """Return the maps (n, SIDE, SIDE)."""
        return np.frombuffer(self.values, np.uint8).reshape(self.images, SIDE, SIDE)


class BlockScores(Record):
    """Scores of the Grad-CAM of one block, for the predicted class."""

    grad_cam: Curves
    random: Curves  # random maps of the same resolution
    infidelity: NotNegative  # 0: the map predicts every change of the logit; 1: none
    sensitivity: NotNegative  # median over images of the relative change under small noise
    untrained_classifier: Correlation  # rank correlation with the map of the network with an untrained classifier
    untrained: Correlation  # with the map of an untrained network
    objects: OnObjects | None  # None: the data have no masks


class MapScores(Record):
    """Scores of the maps of a network, and of a map that sees no image."""

    images: AtLeastOne  # test images of the curves and the objects
    checked: AtLeastOne  # of these, the first ones, of infidelity, sensitivity and untrained weights
    blocks: Annotated[dict[Line, BlockScores], Field(min_length=1)]  # shallow to deep
    centre: Curves  # a Gaussian in the centre
    objects: Objects | None  # None: the data have no masks
    maps: StoredMaps  # of the last block

    @model_validator(mode="after")
    def _all_blocks_have_objects_or_none(self) -> Self:
        if {block.objects is None for block in self.blocks.values()} != {self.objects is None}:
            raise ValueError("either all blocks and the other maps have scores on objects, or none has")
        return self


class MapsRecord(Record):
    """The scores of the maps of a run."""

    study: Name
    variant: Name
    seed: Seed
    checkpoint_sha256: Sha256
    scores: MapScores
