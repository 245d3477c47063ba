"""One training run: what came out, and what it was made from."""

from attnbench.records.io import Record


class Environment(Record):
    """The class of machine a run's bits depend on. Nothing here varies between two runs on one machine."""

    python: str
    torch: str
    device: str  # "cpu" or the accelerator's name
    instruction_set: str  # torch.backends.cpu.get_cpu_capability(), e.g. "AVX512"
    processor: str  # model name as the system gives it
    threads: int
    precision: str  # "float32" or "bf16"
    memory_format: str  # "channels_last"


class Identity(Record):
    """What a run was made from, as SHA-256. Two runs of one identity and one seed have equal bytes."""

    data: str
    code: str
    params: str
    environment: Environment


class RunRecord(Record):
    """Result of one run on the test images, looked at once, with the weights of the last epoch."""

    study: str
    variant: str
    seed: int
    epochs: int
    accuracy: float  # top-1 on the test images, 0..1
    loss: float  # mean cross entropy on the test images, nats
    per_class_accuracy: dict[str, float]
    validation_accuracy: float  # of the last epoch
    best_validation_accuracy: float
    best_validation_epoch: int  # counted from 1; for information, nothing is selected by it
    train_accuracy: float  # of the last epoch, on the augmented training images
    parameters: int
    checkpoint_sha256: str
    predictions_sha256: str
    identity: Identity


class TimingRecord(Record):
    """How long one run took. Kept apart: it is never the same twice."""

    study: str
    variant: str
    seed: int
    seconds_per_epoch: list[float]  # training only
    evaluation_seconds: list[float]  # validation, per epoch
    total_seconds: float  # of the process that ended the run, and of the epochs before it
    images_per_second: float  # median over epochs, training only
    continued_after: int  # epochs that an earlier, stopped process trained; 0: one process did all
    load_average: float  # of the machine over one minute, at the end of the run
    cores: int
    processor: str
