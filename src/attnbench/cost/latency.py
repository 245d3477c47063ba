"""Measured time of inference and of a training step of all variants, timed in turns in one process.

Each round times every variant once, in a newly shuffled order, so a slow second of the machine affects all alike. The
record keeps the time of every round, and `attnbench.analyse` compares variants by the ratio of their times within a
round: absolute times drift by several percent on a shared machine, such ratios by a few tenths of a percent.

Inference runs in eval and inference mode, channels_last, with a fixed number of threads. With bf16, autocast encloses
the whole measurement, so that weights are cast once and not in every call. A training step is that of the train stage,
at its batch size: forward pass, loss, backward pass and optimiser, without augmentation.
"""

import copy
import math
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.benchmark import Measurement, Timer

from attnbench import machine
from attnbench.networks import arithmetic, seeding
from attnbench.networks.building import ImageSet
from attnbench.records import LatencyRecord, LatencyRow
from attnbench.study import Study

SAMPLE_SECONDS = 0.005  # minimum duration of a sample: a clock's jitter is microseconds
MAX_REPEATS = 1000
ALLOWED_SECONDS = 0.04  # per round, variant and batch size, on average: 19 s for 30 rounds of 8 variants at 2 sizes
ALLOWED_STEP_SECONDS = 0.06  # per round and variant

TrainingStep = Callable[[Tensor, Tensor], object]  # trains on normalised images (n, c, h, w) and labels (n,)


@dataclass(frozen=True)
class Sampling:
    """How a batch size is sampled."""

    batch_size: int
    repeats: int  # calls in one sample, the same for all variants
    round_seconds: float  # expected duration of a round, over all variants, warm-up included


@dataclass(frozen=True)
class Limits:
    """When to stop: after `rounds`, or earlier once `seconds` have passed, but never before `fewest` rounds."""

    rounds: int
    fewest: int
    seconds: float


def measure(
    study: Study,
    networks: Mapping[str, nn.Module],
    images: ImageSet,
    training_step: Callable[[nn.Module], TrainingStep],
) -> LatencyRecord:
    """Time inference and training steps of the networks, one per variant, on random images.

    `training_step` returns the step that trains a network. Images, labels and order are drawn from the study's first
    seed; copies of the networks are timed. Call `arithmetic.set_up` first, which also checks that the device exists.
    """
    load = machine.load_average()  # before our own work
    return LatencyRecord(
        study=study.name,
        environment=arithmetic.environment(study.machine),
        cores=machine.cores(),
        load_average=load,
        inference=measure_inference(study, networks, images.image_shape),
        training_step=measure_steps(study, networks, images, training_step),
    )


def measure_inference(
    study: Study, networks: Mapping[str, nn.Module], image_shape: tuple[int, int, int]
) -> list[LatencyRow]:
    """Time a forward pass of the networks on images (c, h, w), at all batch sizes of `study.latency`.

    `study.latency` sets the number of rounds. There are fewer where these would exceed `ALLOWED_SECONDS` per sample on
    average, and always enough for the interval of a median.
    """
    ready = {variant: _copy(network, study).eval() for variant, network in networks.items()}
    order = random.Random(seeding.derive(study.seeds[0], "latency"))
    rows: list[LatencyRow] = []
    with torch.inference_mode(), arithmetic.autocast(study.machine):
        timers = {
            size: _timers(study, ready, _random_images(study, size, image_shape)) for size in study.latency.batch_sizes
        }
        samplings = [choose_sampling(size, timers[size]) for size in timers]
        seconds = shares(study.latency.rounds, samplings, variants=len(networks))
        for sampling, allowed in zip(samplings, seconds, strict=True):
            rows += _rows(study, timers[sampling.batch_size], sampling, allowed, order)
    return rows


def measure_steps(
    study: Study,
    networks: Mapping[str, nn.Module],
    images: ImageSet,
    training_step: Callable[[nn.Module], TrainingStep],
) -> list[LatencyRow]:
    """Time a training step of the networks, at the batch size of the recipe.

    The rounds are those of `measure_inference`, with `ALLOWED_STEP_SECONDS` per sample.
    """
    size = study.recipe.batch_size
    stream = seeding.generator(study.seeds[0], "latency/labels")
    labels = torch.randint(len(images.classes), (size,), generator=stream).to(study.machine.device)
    batch = (_random_images(study, size, images.image_shape), labels)
    steps = {variant: training_step(_copy(network, study).train()) for variant, network in networks.items()}
    timers = _timers(study, steps, *batch)
    order = random.Random(seeding.derive(study.seeds[0], "latency/training step"))
    allowed = ALLOWED_STEP_SECONDS * study.latency.rounds * len(networks)
    with seeding.global_stream(study.seeds[0], "latency/dropout", torch.device(study.machine.device)):
        return _rows(study, timers, choose_sampling(size, timers), allowed, order)


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


def _rows(
    study: Study, timers: dict[str, Timer], sampling: Sampling, allowed: float, order: random.Random
) -> list[LatencyRow]:
    """Time all variants at one batch size for the allowed seconds; return one row per variant."""
    limits = Limits(study.latency.rounds, fewest_rounds(study.confidence), allowed)
    samples = interleaved(timers, sampling.repeats, limits, order)
    return [row(variant, sampling.batch_size, samples[variant]) for variant in timers]


def _timers(study: Study, calls: Mapping[str, Callable[..., object]], *batch: Tensor) -> dict[str, Timer]:
    """Return one timer per variant, of its call on the batch."""
    return {
        variant: Timer(
            "call()",
            globals={"call": partial(call, *batch)},
            num_threads=study.machine.threads,
            description=variant,
        )
        for variant, call in calls.items()
    }


def _random_images(study: Study, batch_size: int, image_shape: tuple[int, int, int]) -> Tensor:
    """Return images (batch_size, c, h, w), the same for all variants."""
    stream = seeding.generator(study.seeds[0], f"latency/{batch_size}")
    images = torch.randn(batch_size, *image_shape, generator=stream)
    return images.to(study.machine.device, memory_format=torch.channels_last)


def _copy(network: nn.Module, study: Study) -> nn.Module:
    copied = copy.deepcopy(network).to(torch.device(study.machine.device))
    return copied.to(memory_format=torch.channels_last)
