"""Measured inference latency of all variants, taken in turns in one process.

Each round times every variant once, in a newly shuffled order, so a slow second of the machine affects all alike.
The record keeps the time of every round, and `attnbench.analyse` compares variants by the ratio of their times within
a round: absolute times drift by several percent on a shared machine, such ratios by a few tenths of a percent.

Networks run in eval and inference mode, channels_last, with threads pinned; bf16 means autocast around the whole
measurement, so that weights are cast once and not in every call.
"""

import copy
import math
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.utils.benchmark import Measurement, Timer

from attnbench import machine
from attnbench.errors import UserError
from attnbench.networks import seeding
from attnbench.records import LatencyRecord, LatencyRow
from attnbench.study.schema import Machine, Study

SAMPLE_SECONDS = 0.005  # one sample lasts at least this long: a clock's jitter is microseconds
MOST_REPEATS = 1000
ALLOWED_SECONDS = 0.04  # per round, variant and batch size, on average: 19 s for 30 rounds of 8 variants at 2 sizes


@dataclass(frozen=True)
class Plan:
    """How often to run at one batch size."""

    batch_size: int
    repeats: int  # forward passes in one sample, the same for all variants
    round_seconds: float  # expected, over all variants, warm-up included


@dataclass(frozen=True)
class Limits:
    """How long to go on: `rounds`, or fewer once `seconds` have passed, but always the `fewest` an interval needs."""

    rounds: int
    fewest: int
    seconds: float


def measure(study: Study, networks: Mapping[str, nn.Module], image_shape: tuple[int, int, int]) -> LatencyRecord:
    """Time the networks, one per variant, the baseline among them, on random images (c, h, w).

    Images and order are drawn from the first seed; the networks themselves stay as they are. Rounds are as many as
    `study.latency` says, fewer (each row says how many) where that takes more than `ALLOWED_SECONDS` a sample,
    and always enough for the interval of a median.

    Raises:
        UserError: the machine that params.yaml asks for is not there.
    """
    load = machine.load_average()  # before our own work
    device = _device(study.machine)
    ready = {name: _ready(network, device) for name, network in networks.items()}
    order = random.Random(seeding.derive(study.seeds[0], "latency"))
    rows: list[LatencyRow] = []
    with _arithmetic(study.machine):
        timers = {size: _timers(study, ready, size, image_shape) for size in study.latency.batch_sizes}
        plans = [plan(size, timers[size]) for size in timers]
        for scheme, seconds in zip(plans, shares(study.latency.rounds, plans, variants=len(networks)), strict=True):
            limits = Limits(study.latency.rounds, fewest_rounds(study.confidence), seconds)
            samples = interleaved(timers[scheme.batch_size], scheme.repeats, limits, order)
            rows += [row(name, scheme.batch_size, samples[name]) for name in networks]
    return LatencyRecord(
        study=study.name,
        processor=_processor(device),
        cores=machine.cores(),
        threads=study.machine.threads,
        precision=study.machine.precision,
        torch=str(torch.__version__),
        load_average=load,
        rows=rows,
    )


def plan(batch_size: int, timers: dict[str, Timer]) -> Plan:
    """Warm every variant up and choose how often a sample repeats it: the fastest lasts `SAMPLE_SECONDS`."""
    seconds = [min(timer.timeit(1).median for _ in range(2)) for timer in timers.values()]
    repeats = min(MOST_REPEATS, math.ceil(SAMPLE_SECONDS / min(seconds)))
    calls = repeats + max(repeats // 100, 2)  # Timer.timeit warms up before each sample
    return Plan(batch_size, repeats, calls * sum(seconds))


def shares(rounds: int, plans: list[Plan], *, variants: int) -> list[float]:
    """Return the seconds that each batch size may take, in proportion to what a round of it is expected to take."""
    allowed = ALLOWED_SECONDS * rounds * variants * len(plans)
    expected = sum(scheme.round_seconds for scheme in plans)
    return [allowed * scheme.round_seconds / expected for scheme in plans]


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
    """Time every variant once a round, in a new order each round, until the rounds or the seconds are over."""
    samples: dict[str, list[Measurement]] = {name: [] for name in timers}
    names = list(timers)
    end = time.perf_counter() + limits.seconds
    for done in range(max(limits.rounds, limits.fewest)):
        if done >= limits.fewest and time.perf_counter() > end:
            break
        order.shuffle(names)
        for name in names:
            samples[name].append(timers[name].timeit(repeats))
    return samples


def _timers(
    study: Study, networks: dict[str, nn.Module], batch_size: int, image_shape: tuple[int, int, int]
) -> dict[str, Timer]:
    """Return one timer per network, all on the same random images."""
    stream = seeding.generator(study.seeds[0], f"latency/{batch_size}")
    images = torch.randn(batch_size, *image_shape, generator=stream)  # (n, c, h, w)
    images = images.to(_device(study.machine), memory_format=torch.channels_last)
    return {
        name: Timer(
            "network(images)",
            globals={"network": network, "images": images},
            num_threads=study.machine.threads,
            description=name,
        )
        for name, network in networks.items()
    }


@contextmanager
def _arithmetic(asked: Machine) -> Iterator[None]:
    """Switch to inference mode and the precision that params.yaml asks for."""
    bf16 = asked.precision == "bf16"
    with torch.inference_mode(), torch.autocast(asked.device, dtype=torch.bfloat16, enabled=bf16):
        yield


def _device(asked: Machine) -> torch.device:
    if asked.device == "cuda" and not torch.cuda.is_available():
        raise UserError(
            "machine.device is 'cuda', but torch sees no GPU here; set `machine.device: cpu` in params.yaml, "
            "or run on a machine with a GPU"
        )
    return torch.device(asked.device)


def _ready(network: nn.Module, device: torch.device) -> nn.Module:
    copied = copy.deepcopy(network).to(device)
    return copied.to(memory_format=torch.channels_last).eval()


def _processor(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else machine.processor()
