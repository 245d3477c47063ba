"""Measured inference latency of all variants, timed in turns in one process.

Each round times every variant once, in a newly shuffled order, so a slow second of the machine affects all alike. The
record keeps the time of every round, and `attnbench.analyse` compares variants by the ratio of their times within a
round: absolute times drift by several percent on a shared machine, such ratios by a few tenths of a percent.

Networks run in eval and inference mode, channels_last, with a fixed number of threads. With bf16, autocast encloses the
whole measurement, so that weights are cast once and not in every call.
"""

import copy
import math
import random
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.benchmark import Measurement, Timer

from attnbench import machine
from attnbench.networks import arithmetic, seeding
from attnbench.records import LatencyRecord, LatencyRow
from attnbench.study import Study

SAMPLE_SECONDS = 0.005  # minimum duration of a sample: a clock's jitter is microseconds
MAX_REPEATS = 1000
ALLOWED_SECONDS = 0.04  # per round, variant and batch size, on average: 19 s for 30 rounds of 8 variants at 2 sizes


@dataclass(frozen=True)
class Sampling:
    """How a batch size is sampled."""

    batch_size: int
    repeats: int  # forward passes in one sample, the same for all variants
    round_seconds: float  # expected duration of a round, over all variants, warm-up included


@dataclass(frozen=True)
class Limits:
    """When to stop: after `rounds`, or earlier once `seconds` have passed, but never before `fewest` rounds."""

    rounds: int
    fewest: int
    seconds: float


def measure(study: Study, networks: Mapping[str, nn.Module], image_shape: tuple[int, int, int]) -> LatencyRecord:
    """Time the networks, one per variant, on random images (c, h, w).

    Images and order are drawn from the study's first seed; copies of the networks are timed. `study.latency` sets the
    number of rounds. There are fewer where these would exceed `ALLOWED_SECONDS` per sample on average, and always
    enough for the interval of a median. Call `arithmetic.set_up` first, which also checks that the device exists.
    """
    load = machine.load_average()  # before our own work
    device = torch.device(study.machine.device)
    ready = {variant: _ready(network, device) for variant, network in networks.items()}
    order = random.Random(seeding.derive(study.seeds[0], "latency"))
    rows: list[LatencyRow] = []
    with torch.inference_mode(), arithmetic.autocast(study.machine):
        timers = {size: _timers(study, ready, size, image_shape) for size in study.latency.batch_sizes}
        samplings = [choose_sampling(size, timers[size]) for size in timers]
        seconds = shares(study.latency.rounds, samplings, variants=len(networks))
        for sampling, allowed in zip(samplings, seconds, strict=True):
            limits = Limits(study.latency.rounds, fewest_rounds(study.confidence), allowed)
            samples = interleaved(timers[sampling.batch_size], sampling.repeats, limits, order)
            rows += [row(variant, sampling.batch_size, samples[variant]) for variant in networks]
    return LatencyRecord(
        study=study.name,
        processor=arithmetic.device_name(study.machine),
        cores=machine.cores(),
        threads=study.machine.threads,
        precision=study.machine.precision,
        torch=str(torch.__version__),
        load_average=load,
        rows=rows,
    )


def choose_sampling(batch_size: int, timers: dict[str, Timer]) -> Sampling:
    """Warm up every variant and choose the repeats of a sample: that of the fastest variant lasts `SAMPLE_SECONDS`."""
    seconds = [min(timer.timeit(1).median for _ in range(2)) for timer in timers.values()]
    repeats = min(MAX_REPEATS, math.ceil(SAMPLE_SECONDS / min(seconds)))
    calls = repeats + max(repeats // 100, 2)  # Timer.timeit warms up before each sample
    return Sampling(batch_size, repeats, calls * sum(seconds))


def shares(rounds: int, samplings: list[Sampling], *, variants: int) -> list[float]:
    """Return the seconds allowed for each batch size, in proportion to the expected duration of its rounds."""
    allowed = ALLOWED_SECONDS * rounds * variants * len(samplings)
    expected = sum(sampling.round_seconds for sampling in samplings)
    return [allowed * sampling.round_seconds / expected for sampling in samplings]


def fewest_rounds(confidence: float) -> int:
    """Return the fewest rounds whose extremes bound the median of a ratio at this confidence.

    All n values lie on one side of the median with probability 2 * 0.5 ** n, which has to be below 1 - confidence.
    """
    return math.floor(math.log2(2 / (1 - confidence))) + 1


def row(variant: str, batch_size: int, samples: list[Measurement]) -> LatencyRow:
    """Return the row of one variant from its samples, one per round."""
    merged = Measurement.merge(samples)[0]
    return LatencyRow(
        variant=variant,
        batch_size=batch_size,
        median_ms=1e3 * merged.median,
        iqr_ms=1e3 * merged.iqr,
        p90_ms=1e3 * float(np.quantile(merged.times, 0.9)),
        round_ms=[1e3 * sample.median for sample in samples],
    )


def interleaved(
    timers: dict[str, Timer], repeats: int, limits: Limits, order: random.Random
) -> dict[str, list[Measurement]]:
    """Time every variant once per round, in a new order each round, until a limit is reached."""
    samples: dict[str, list[Measurement]] = {variant: [] for variant in timers}
    variants = list(timers)
    end = time.perf_counter() + limits.seconds
    for completed in range(max(limits.rounds, limits.fewest)):
        if completed >= limits.fewest and time.perf_counter() > end:
            break
        order.shuffle(variants)
        for variant in variants:
            samples[variant].append(timers[variant].timeit(repeats))
    return samples


def _timers(
    study: Study, networks: dict[str, nn.Module], batch_size: int, image_shape: tuple[int, int, int]
) -> dict[str, Timer]:
    """Return one timer per network, all on the same random images."""
    stream = seeding.generator(study.seeds[0], f"latency/{batch_size}")
    images = torch.randn(batch_size, *image_shape, generator=stream)  # (n, c, h, w)
    images = images.to(study.machine.device, memory_format=torch.channels_last)
    return {
        variant: Timer(
            "network(images)",
            globals={"network": network, "images": images},
            num_threads=study.machine.threads,
            description=variant,
        )
        for variant, network in networks.items()
    }


def _ready(network: nn.Module, device: torch.device) -> nn.Module:
    copied = copy.deepcopy(network).to(device)
    return copied.to(memory_format=torch.channels_last).eval()
