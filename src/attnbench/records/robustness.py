"""The record of one trained network on corrupted test images, and of how far its probabilities can be trusted."""

from typing import Annotated

from pydantic import Field

from attnbench.records.io import AtLeastOne, NotNegative, Record, Share
from attnbench.study.schema import Name, Seed, Sha256

BySeverity = tuple[Share, Share, Share, Share, Share]  # accuracy at severity 1..5, on a fifth of the images each


class Corrupted(Record):
    """Accuracy (0..1) under every kind of corruption."""

    gaussian_noise: BySeverity
    gaussian_blur: BySeverity
    contrast: BySeverity
    brightness: BySeverity
    jpeg: BySeverity
    occlusion: BySeverity
    rotation: BySeverity


SEVERITIES = 5
CORRUPTIONS = tuple(Corrupted.model_fields)


class Calibration(Record):
    """How far the probabilities of a run can be trusted, on all test images without corruption."""

    ece: Share  # expected calibration error, 15 bins of equal width
    brier: Annotated[float, Field(ge=0, le=2)]  # squared distance to the true class, summed over classes
    nll: NotNegative  # mean cross entropy, nats


class RobustnessRecord(Record):
    """Accuracies (0..1) of a run on corrupted test images, and its calibration."""

    study: Name
    variant: Name
    seed: Seed
    checkpoint_sha256: Sha256
    images: AtLeastOne  # each is corrupted once in every way, at one of the severities
    accuracy: Share  # of the same images without corruption
    corrupted: Corrupted
    calibration: Calibration
