"""Measured time of inference and of a training step of all variants, timed alternately in several processes.

Each round times every variant once, in a newly shuffled order, so a slow second of the machine affects all alike. But a
process has its own addresses of code and data, and they make one variant faster and another slower for as long as it
lives. More rounds of one process therefore do not bring its ratios closer to those of the next one, and several fresh
processes share the rounds. The record keeps the time of every round of every process. `attnbench.analyse` compares
variants within a round and takes the interval of a ratio from the differences between processes
(docs/decisions/017; Kalibera and Jones, Rigorous Benchmarking in Reasonable Time, ISMM 2013).

Inference runs in eval and inference mode, channels_last, with a fixed number of threads. With bf16, autocast encloses
the whole measurement, so that weights are cast once and not in every call. A training step is that of the train stage,
at its batch size: forward pass, loss, backward pass and optimiser, without augmentation.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.benchmark import Timer

from attnbench import machine, networks
from attnbench.cost.processes import in_fresh_processes
from attnbench.networks import Network, arithmetic, seeding
from attnbench.networks.building import ImageSet
from attnbench.records import LatencyRecord, LatencyRow
from attnbench.study import Study

SAMPLE_SECONDS = 0.005  # minimum duration of a sample: a clock's jitter is microseconds
MAX_REPEATS = 1000
FEWEST_ROUNDS = 3  # in each process, so that its median ignores one disturbed round
# Per round, variant and batch size, on average over all processes, warm-up included: 51 s for 30 rounds of 17 variants
# at two sizes and with training steps, besides the start of each process.
ALLOWED_SECONDS = 0.025
ALLOWED_STEP_SECONDS = 0.05  # per round and variant

TrainingStep = Callable[[Tensor, Tensor], object]  # trains on normalised images (n, c, h, w) and labels (n,)
MakeStep = Callable[[Study, nn.Module], TrainingStep]
T = TypeVar("T")
Times = dict[tuple[str, int], list[float]]  # (variant, batch size) -> milliseconds of each round of one process


@dataclass(frozen=True)
class Sampling:
    """How a batch size is sampled."""

    batch_size: int
    repeats: int  # calls in one sample, the same for all variants
    round_seconds: float  # expected duration of a round, over all variants, warm-up included


@dataclass(frozen=True)
class Limits:
    """When a process stops: after `rounds`, or earlier once `seconds` have passed, but never before `FEWEST_ROUNDS`."""

    rounds: int
    seconds: float


def measure(study: Study, images: ImageSet, make_step: MakeStep) -> LatencyRecord:
    """Time inference and training steps of all variants in `study.latency.processes` fresh processes.

    `make_step` returns the step that trains a network. It is called in those processes, so it must be a function at the
    top of a module. Call `arithmetic.set_up` first, which checks that the device exists.

    Raises:
        UserError: a process ended early.
    """
    load = machine.load_average()  # before our own work
    timed = _in_processes(study, partial(_both, study, images, make_step))
    return LatencyRecord(
        study=study.name,
        environment=arithmetic.environment(study.machine),
        cores=machine.cores(),
        load_average=load,
        inference=rows([inference for inference, _ in timed]),
        training_step=rows([steps for _, steps in timed]),
    )


def measure_inference(study: Study, images: ImageSet) -> list[LatencyRow]:
    """Time a forward pass of all variants at all batch sizes of `study.latency`, in fresh processes."""
    return rows(_in_processes(study, partial(inference_times, study, images)))


def measure_steps(study: Study, images: ImageSet, make_step: MakeStep) -> list[LatencyRow]:
    """Time a training step of all variants at the batch size of the recipe, in fresh processes."""
    return rows(_in_processes(study, partial(step_times, study, images, make_step)))


def inference_times(study: Study, images: ImageSet, process: int) -> Times:
    """Build all networks and time their forward pass in this process, at all batch sizes of `study.latency`.

    Images, weights and orders are drawn from the study's first seed; `process` gives each process its own order. There
    are fewer rounds than this process's share of `study.latency.rounds` where these would exceed `ALLOWED_SECONDS`.
    """
    order = _order(study, "latency", process)
    ready = {variant: _on_device(network, study).eval() for variant, network in _built(study, images, order).items()}
    times: Times = {}
    start = time.perf_counter()
    with torch.inference_mode(), arithmetic.autocast(study.machine):
        timers = {
            size: _timers(study, ready, _random_images(study, size, images.image_shape))
            for size in study.latency.batch_sizes
        }
        samplings = [choose_sampling(size, timers[size]) for size in timers]
        allowed = _allowed(study, ALLOWED_SECONDS * len(samplings)) - (time.perf_counter() - start)
        for sampling, seconds in zip(samplings, shares(allowed, samplings), strict=True):
            times |= _timed(study, timers[sampling.batch_size], sampling, seconds, order)
    return times


def step_times(study: Study, images: ImageSet, make_step: MakeStep, process: int) -> Times:
    """Build all networks and time their training step in this process, at the batch size of the recipe.

    The rounds are those of `inference_times`, with `ALLOWED_STEP_SECONDS`.
    """
    device = torch.device(study.machine.device)
    size = study.recipe.batch_size
    stream = seeding.generator(study.seeds[0], "latency/labels")
    labels = torch.randint(len(images.classes), (size,), generator=stream).to(device)
    batch = (_random_images(study, size, images.image_shape), labels)
    order = _order(study, "latency/training step", process)
    built = _built(study, images, order)
    steps = {variant: make_step(study, _on_device(network, study).train()) for variant, network in built.items()}
    start = time.perf_counter()
    with seeding.global_stream(study.seeds[0], "latency/dropout", device):
        timers = _timers(study, steps, *batch)
        sampling = choose_sampling(size, timers)
        allowed = _allowed(study, ALLOWED_STEP_SECONDS) - (time.perf_counter() - start)
        return _timed(study, timers, sampling, allowed, order)


def choose_sampling(batch_size: int, timers: dict[str, Timer]) -> Sampling:
    """Warm up every variant and choose the repeats of a sample: that of the fastest variant lasts `SAMPLE_SECONDS`."""
    seconds = [timer.timeit(1).median for timer in timers.values()]
    repeats = min(MAX_REPEATS, math.ceil(SAMPLE_SECONDS / min(seconds)))
    calls = repeats + max(repeats // 100, 2)  # Timer.timeit warms up before each sample
    return Sampling(batch_size, repeats, calls * sum(seconds))


def shares(seconds: float, samplings: list[Sampling]) -> list[float]:
    """Divide the seconds of a process among batch sizes, in proportion to the expected duration of their rounds."""
    expected = sum(sampling.round_seconds for sampling in samplings)
    return [seconds * sampling.round_seconds / expected for sampling in samplings]


def rows(processes: Sequence[Times]) -> list[LatencyRow]:
    """Return one row per variant and batch size from the times of all processes."""
    return [row(*key, [times[key] for times in processes]) for key in processes[0]]


def row(variant: str, batch_size: int, round_ms: list[list[float]]) -> LatencyRow:
    """Return the row of one variant from its times in milliseconds, by process and round."""
    q1, median, q3, p90 = np.quantile(np.concatenate(round_ms), [0.25, 0.5, 0.75, 0.9]).tolist()
    return LatencyRow(
        variant=variant, batch_size=batch_size, median_ms=median, iqr_ms=q3 - q1, p90_ms=p90, round_ms=round_ms
    )


def interleaved(timers: dict[str, Timer], repeats: int, limits: Limits, order: random.Random) -> dict[str, list[float]]:
    """Time every variant once per round, in a new order each round, until a limit is reached; return milliseconds."""
    milliseconds: dict[str, list[float]] = {variant: [] for variant in timers}
    variants = list(timers)
    end = time.perf_counter() + limits.seconds
    for completed in range(max(limits.rounds, FEWEST_ROUNDS)):
        if completed >= FEWEST_ROUNDS and time.perf_counter() > end:
            break
        order.shuffle(variants)
        for variant in variants:
            milliseconds[variant].append(1e3 * timers[variant].timeit(repeats).median)
    return milliseconds


def _in_processes(study: Study, timing: Callable[[int], T]) -> list[T]:
    return in_fresh_processes(study.latency.processes, partial(_after_set_up, study, timing))


def _after_set_up(study: Study, timing: Callable[[int], T], process: int) -> T:
    arithmetic.set_up(study.machine)  # the same arithmetic as in training
    return timing(process)


def _both(study: Study, images: ImageSet, make_step: MakeStep, process: int) -> tuple[Times, Times]:
    return inference_times(study, images, process), step_times(study, images, make_step, process)


def _timed(study: Study, timers: dict[str, Timer], sampling: Sampling, seconds: float, order: random.Random) -> Times:
    """Time all variants at one batch size for the allowed seconds; return their times in the order of params.yaml."""
    limits = Limits(math.ceil(study.latency.rounds / study.latency.processes), seconds)
    times = interleaved(timers, sampling.repeats, limits, order)
    return {(variant, sampling.batch_size): times[variant] for variant in study.variants}


def _allowed(study: Study, seconds: float) -> float:
    """Return the seconds of one process where a round takes `seconds` per variant."""
    return seconds * study.latency.rounds * len(study.variants) / study.latency.processes


def _order(study: Study, name: str, process: int) -> random.Random:
    return random.Random(seeding.derive(study.seeds[0], f"{name}/{process}"))


def _built(study: Study, images: ImageSet, order: random.Random) -> dict[str, Network]:
    """Build the networks of all variants in a random order: no variant has the same part of the memory each time."""
    variants = order.sample(list(study.variants), len(study.variants))
    return {variant: networks.build(study, variant, images, study.seeds[0]) for variant in variants}


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


def _on_device(network: nn.Module, study: Study) -> nn.Module:
    return network.to(torch.device(study.machine.device)).to(memory_format=torch.channels_last)
