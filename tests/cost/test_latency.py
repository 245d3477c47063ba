"""Latency: durations, rounds and their order with a fake clock, and three small networks measured."""

import math
import random
from types import SimpleNamespace

import params
import pytest
import torch
from torch import nn
from torch.utils.benchmark import Measurement, TaskSpec

from attnbench import cost
from attnbench.analyse.statistics.ratio import median_interval
from attnbench.cost import latency
from attnbench.records import LatencyRecord

SHAPE = (3, 16, 16)


class FakeTimer:
    """A timer of fixed duration that logs its calls."""

    def __init__(self, name: str, seconds: float, log: list[str] | None = None) -> None:
        self.name, self.seconds = name, seconds
        self.log = [] if log is None else log

    def timeit(self, number: int) -> Measurement:
        self.log.append(self.name)
        return Measurement(number, [self.seconds * number], TaskSpec("", "", description=self.name))


class Notes(list):
    """A list that is shared by copies of a module that holds it."""

    def __deepcopy__(self, memo):
        return self


class Witness(nn.Module):
    """A network that notes how it was run."""

    def __init__(self, work: int, notes: Notes) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.work, self.notes = work, notes

    def forward(self, x):
        for _ in range(self.work):
            out = self.conv(x)
        how = (x.is_contiguous(memory_format=torch.channels_last), torch.get_num_threads(), self.training)
        self.notes.append((tuple(x.shape), str(out.dtype), torch.is_inference_mode_enabled(), *how))
        return out


def study(**changes):
    """A study of three variants, timed in six rounds."""
    variants = {name: {"attention": "none"} for name in ("plain", "same", "heavy")}
    latency = {"batch_sizes": [1, 4], "rounds": 6}
    return params.study(variants=variants, baseline="plain", latency=latency, **changes)


def networks(notes: Notes) -> dict[str, nn.Module]:
    return {name: Witness(work, notes) for name, work in (("plain", 1), ("same", 1), ("heavy", 12))}


@pytest.mark.parametrize(("confidence", "fewest"), [(0.75, 4), (0.9, 5), (0.95, 6), (0.99, 8), (0.999, 11)])
def test_the_fewest_rounds_are_just_enough(confidence, fewest):
    assert latency.fewest_rounds(confidence) == fewest
    assert median_interval([float(n) for n in range(fewest)], confidence) == (0.0, fewest - 1.0)
    low, _ = median_interval([float(n) for n in range(fewest - 1)], confidence)
    assert math.isnan(low)


def test_a_row_keeps_the_time_of_every_round():
    samples = [Measurement(1, [seconds], TaskSpec("", "")) for seconds in (2.0, 4.0, 20.0, 2.0, 4.0, 9.0)]
    row = latency.row("heavy", 4, samples)
    assert row.median_ms == pytest.approx(4000.0)
    assert row.iqr_ms == pytest.approx(1e3 * (7.75 - 2.5))  # quartiles of 2, 2, 4, 4, 9, 20
    assert row.p90_ms == pytest.approx(1e3 * 14.5)
    assert (row.variant, row.batch_size) == ("heavy", 4)
    assert row.round_ms == [2e3, 4e3, 20e3, 2e3, 4e3, 9e3]


def test_a_sample_of_the_fastest_lasts_five_milliseconds():
    sampling = latency.choose_sampling(1, {"fast": FakeTimer("fast", 0.0004), "slow": FakeTimer("slow", 0.001)})
    assert sampling.repeats == 13  # 5 ms / 0.4 ms, rounded up
    assert sampling.round_seconds == pytest.approx((13 + 2) * 0.0014)  # two more calls: Timer warms up
    assert latency.choose_sampling(1, {"slow": FakeTimer("slow", 0.5)}).repeats == 1
    assert latency.choose_sampling(1, {"instant": FakeTimer("instant", 1e-9)}).repeats == latency.MAX_REPEATS


@pytest.mark.parametrize(("seconds", "rounds"), [(1000.0, 30), (16.5, 17), (0.0, 6)])
def test_rounds_end_when_the_time_is_over_but_never_before_the_interval_exists(seconds, rounds, monkeypatch):
    log: list[str] = []
    timers = {name: FakeTimer(name, 0.5, log) for name in "ab"}
    monkeypatch.setattr(latency.time, "perf_counter", lambda: 0.5 * len(log))  # a round lasts a second
    samples = latency.interleaved(timers, 1, latency.Limits(30, 6, seconds), random.Random(0))
    assert [len(own) for own in samples.values()] == [rounds, rounds]


def test_more_rounds_are_run_than_configured_if_the_interval_needs_them():
    limits = latency.Limits(5, latency.fewest_rounds(0.99), 9.0)
    samples = latency.interleaved({"a": FakeTimer("a", 1.0)}, 1, limits, random.Random(0))
    assert len(samples["a"]) == 8


def test_batch_sizes_share_the_time_in_proportion_to_their_rounds():
    samplings = [latency.Sampling(1, 9, 0.2), latency.Sampling(64, 1, 0.6)]
    assert latency.shares(30, samplings, variants=8) == pytest.approx([4.8, 14.4])


def test_the_order_of_the_variants_is_shuffled_each_round_and_depends_on_the_seed():
    def orders(seed: int) -> list[list[str]]:
        log: list[str] = []
        timers = {name: FakeTimer(name, 1.0, log) for name in "abcd"}
        latency.interleaved(timers, 2, latency.Limits(10, 6, 1e9), random.Random(seed))
        return [log[start : start + 4] for start in range(0, 40, 4)]

    first = orders(0)
    assert all(sorted(order) == list("abcd") for order in first)
    assert len({tuple(order) for order in first}) > 3
    assert orders(0) == first != orders(1)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_three_small_networks(precision):
    notes = Notes()
    timed = networks(notes)
    before = torch.get_rng_state()
    machine = {"device": "cpu", "precision": precision, "threads": 1}
    rows = cost.measure_inference(study(machine=machine), timed, SHAPE)
    assert [(row.variant, row.batch_size) for row in rows] == [
        (name, size) for size in (1, 4) for name in ("plain", "same", "heavy")
    ]
    for plain, same, heavy in (rows[:3], rows[3:]):
        assert 0.25 < same.median_ms / plain.median_ms < 4  # generous: the machine may be busy
        assert heavy.median_ms > 2 * plain.median_ms
        assert all(0 < row.median_ms <= row.p90_ms for row in (plain, same, heavy))
        assert all(len(row.round_ms) == 6 for row in (plain, same, heavy))
    dtype = "torch.bfloat16" if precision == "bf16" else "torch.float32"
    assert set(notes) == {((size, *SHAPE), dtype, True, True, 1, False) for size in (1, 4)}
    assert all(network.training for network in timed.values())  # copies were timed
    assert torch.equal(torch.get_rng_state(), before)


def test_training_steps_are_timed_on_one_batch_with_the_networks_in_train_mode():
    notes = Notes()
    timed = networks(notes)
    labels = set()

    def training_step(network):
        assert all(network is not original for original in timed.values())
        return lambda images, classes: labels.add((network(images) is None, tuple(classes.tolist())))

    small = study(recipe=params.recipe(batch_size=2))
    images = SimpleNamespace(classes=["a", "b", "c"], image_shape=SHAPE)
    before = torch.get_rng_state()
    record = cost.measure(small, timed, images, training_step)
    assert [(row.variant, row.batch_size) for row in record.training_step] == [(name, 2) for name in timed]
    assert all(len(row.round_ms) == 6 for row in record.training_step)
    assert notes[-1] == ((2, *SHAPE), "torch.float32", False, True, 1, True)
    [(_, classes)] = labels
    assert set(classes) <= {0, 1, 2}
    assert torch.equal(torch.get_rng_state(), before)
    assert (record.study, len(record.inference), record.environment.torch) == ("small", 6, torch.__version__)
    assert LatencyRecord.model_validate_json(record.model_dump_json()) == record
