"""What a variant costs: counted, which is exact, and measured, which holds for one machine."""

from attnbench.records.identity import Environment
from attnbench.records.io import Record


class CostRecord(Record):
    """Counts for one forward pass of one image in eval mode. None depends on the machine."""

    study: str
    variant: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    parameters: int
    attention_parameters: int
    macs: int  # multiply-adds of convolutions, linear layers and matrix products
    attention_macs: int
    pooling_operations: int  # adds and comparisons of pools, means and maxima
    elementwise_operations: int  # activations, norms, gates, sums: one per element of the output
    activation_bytes: int  # kept by autograd for the backward pass of one training image, float32
    attention_modules: dict[str, int]  # slot -> parameters


class LatencyRow(Record):
    """Time of one call of one variant at one batch size, in milliseconds."""

    variant: str
    batch_size: int
    median_ms: float
    iqr_ms: float  # interquartile range
    p90_ms: float  # 90th percentile
    round_ms: list[float]  # one per round, so that any two variants can be compared within the rounds


class LatencyRecord(Record):
    """Times of all variants, measured in turns in one process."""

    study: str
    environment: Environment  # that of the measurement, which may be another than that of the runs
    cores: int
    load_average: float  # of the machine over one minute, before the measurement
    inference: list[LatencyRow]  # a forward pass, one row per batch size and variant
    training_step: list[LatencyRow]  # forward pass, backward pass and optimiser, one row per variant
