"""What a variant costs: counted, which is exact, and measured, which holds for one machine."""

from typing import Annotated

from pydantic import Field

from attnbench.records.identity import Environment
from attnbench.records.io import AtLeastOne, Count, ImageShape, NotNegative, Positive, Record
from attnbench.study.schema import Name

Rounds = Annotated[list[Positive], Field(min_length=1)]  # one time for each round of a process


class CostRecord(Record):
    """Counts for one forward pass of one image in eval mode. None depends on the machine."""

    ORDERED = (("attention_parameters", "parameters"), ("attention_macs", "macs"))

    study: Name
    variant: Name
    image_shape: ImageShape
    parameters: Count
    attention_parameters: Count
    macs: Count  # multiply-adds of convolutions, linear layers and matrix products
    attention_macs: Count
    pooling_operations: Count  # adds and comparisons of pools, means and maxima
    elementwise_operations: Count  # activations, norms, gates, sums: one per element of the output
    activation_bytes: Count  # kept by autograd for the backward pass of one training image, float32
    attention_modules: dict[str, Count]  # slot -> parameters


class LatencyRow(Record):
    """Time of one call of one variant at one batch size, in milliseconds."""

    ORDERED = (("median_ms", "p90_ms"),)

    variant: Name
    batch_size: AtLeastOne
    median_ms: Positive  # this and the next two are over all rounds of all processes
    iqr_ms: NotNegative  # interquartile range
    p90_ms: Positive  # 90th percentile
    round_ms: Annotated[list[Rounds], Field(min_length=1)]  # by process; two variants are compared within a round


class LatencyRecord(Record):
    """Times of all variants, measured alternately in several processes, which ran one after another."""

    study: Name
    environment: Environment  # that of the measurement, which may be another than that of the runs
    cores: AtLeastOne
    load_average: NotNegative  # of the machine over one minute, before the measurement
    inference: list[LatencyRow]  # a forward pass, one row per batch size and variant
    training_step: list[LatencyRow]  # forward pass, backward pass and optimiser, one row per variant
