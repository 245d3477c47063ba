"""The record of one training run, and of its duration."""

from typing import Annotated

from pydantic import Field

from attnbench.records.identity import Identity
from attnbench.records.io import AtLeastOne, Count, NotNegative, Positive, Record, Share
from attnbench.study.schema import Line, Name, Seed, Sha256


class RunRecord(Record):
    """Result of one run on the test images, evaluated once, with the weights of the last epoch."""

    ORDERED = (("best_validation_epoch", "epochs"), ("validation_accuracy", "best_validation_accuracy"))

    study: Name
    variant: Name
    seed: Seed
    epochs: AtLeastOne
    accuracy: Share  # top-1 on the test images, 0..1
    loss: NotNegative  # mean cross entropy on the test images, nats
    per_class_accuracy: Annotated[dict[Line, Share], Field(min_length=1)]
    validation_accuracy: Share  # of the last epoch
    best_validation_accuracy: Share
    best_validation_epoch: AtLeastOne  # counted from 1; for information only, nothing is selected by it
    train_accuracy: Share  # of the last epoch, on the augmented training images
    parameters: Count
    checkpoint_sha256: Sha256
    predictions_sha256: Sha256
    identity: Identity


class TimingRecord(Record):
    """How long one run took. A separate file, since it differs from run to run."""

    study: Name
    variant: Name
    seed: Seed
    seconds_per_epoch: Annotated[list[NotNegative], Field(min_length=1)]  # training only
    evaluation_seconds: list[NotNegative]  # validation, per epoch
    total_seconds: NotNegative  # of the last process, and of the epochs that earlier ones trained
    images_per_second: Positive  # median over epochs, training only
    continued_after: Count  # epochs trained by earlier, stopped processes; 0: one process trained all
    load_average: NotNegative  # of the machine over one minute, at the end of the run
    cores: AtLeastOne
    processor: str
