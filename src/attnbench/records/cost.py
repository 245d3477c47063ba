"""What a variant costs: counted (exact), and measured (on one machine)."""

from attnbench.records.io import Record


class CostRecord(Record):
    """Counts for one forward pass of one image in eval mode. No figure here depends on the machine."""

    study: str
    variant: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    parameters: int
    trainable_parameters: int
    attention_parameters: int
    macs: int  # multiply-adds of convolutions, linear layers and matrix products
    attention_macs: int
    pooling_operations: int  # adds and comparisons of pools, means and maxima
    elementwise_operations: int  # activations, norms, gates, sums: one per element of the output
    activation_bytes: int  # kept by autograd for the backward pass of one training image, float32
    attention_modules: dict[str, int]  # slot -> parameters


class LatencyRow(Record):
    """Inference latency of one variant at one batch size."""

    variant: str
    batch_size: int
    median_ms: float
    iqr_ms: float
    p90_ms: float
    ratio: float  # to the baseline: median over rounds of the ratio within a round
    ratio_low: float  # interval of the ratio
    ratio_high: float
    rounds: int
    # one a round, so that any two variants can be compared within the rounds
    round_ms: list[float] = []  # noqa: RUF012 -- pydantic copies it


class LatencyRecord(Record):
    """Latency of all variants, measured in turns in one process."""

    study: str
    baseline: str
    processor: str
    cores: int
    threads: int
    precision: str
    torch: str
    load_average: float
    confidence: float
    rows: list[LatencyRow]
