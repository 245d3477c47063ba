"""The record of one training run, and of its duration."""

from attnbench.records.identity import Identity
from attnbench.records.io import Record


class RunRecord(Record):
    """Result of one run on the test images, evaluated once, with the weights of the last epoch."""

    study: str
    variant: str
    seed: int
    epochs: int
    accuracy: float  # top-1 on the test images, 0..1
    loss: float  # mean cross entropy on the test images, nats
    per_class_accuracy: dict[str, float]
    validation_accuracy: float  # of the last epoch
    best_validation_accuracy: float
    best_validation_epoch: int  # counted from 1; for information only, nothing is selected by it
    train_accuracy: float  # of the last epoch, on the augmented training images
    parameters: int
    checkpoint_sha256: str
    predictions_sha256: str
    identity: Identity


class TimingRecord(Record):
    """How long one run took. A separate file, since it differs from run to run."""

    study: str
    variant: str
    seed: int
    seconds_per_epoch: list[float]  # training only
    evaluation_seconds: list[float]  # validation, per epoch
    total_seconds: float  # of the last process, and of the epochs that earlier ones trained
    images_per_second: float  # median over epochs, training only
    continued_after: int  # epochs trained by earlier, stopped processes; 0: one process trained all
    load_average: float  # of the machine over one minute, at the end of the run
    cores: int
    processor: str
