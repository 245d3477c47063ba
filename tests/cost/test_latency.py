"""Latency: durations, rounds and their order with a fake clock, three small networks measured, fresh processes."""

import os
import random
from statistics import median
from types import SimpleNamespace

import params
import pytest
import torch
from torch import nn
from torch.utils.benchmark import Measurement, TaskSpec

from attnbench import cost
from attnbench.cost import latency
from attnbench.cost.processes import in_fresh_processes
from attnbench.errors import UserError

SHAPE = (3, 16, 16)


class FakeTimer:
    """A timer of fixed duration that logs its calls."""

    def __init__(self, name: str, seconds: float, log: list[str] | None = None) -> None:
        self.name, self.seconds = name, seconds
        self.log = [] if log is None else log

    def timeit(self, number: int) -> Measurement:
        self.log.append(self.name)
        return Measurement(number, [self.seconds * number], TaskSpec("", "", description=self.name))


class Witness(nn.Module):
    """A network that notes how it was run."""

    def __init__(self, work: int, notes: list) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 8, 3)
        self.work, self.notes = work, notes

    def forward(self, x):
        for _ in range(self.work):
            out = self.conv(x)
        how = (x.is_contiguous(memory_format=torch.channels_last), torch.get_num_threads(), self.training)
        self.notes.append((tuple(x.shape), str(out.dtype), torch.is_inference_mode_enabled(), *how))
        return out


IMAGES = SimpleNamespace(classes=["a", "b", "c"], image_shape=SHAPE)


def study(**changes):
    """A study of three variants, timed in six rounds by each of two processes."""
    variants = {name: {"attention": "none"} for name in ("plain", "same", "heavy")}
    latency = {"batch_sizes": [1, 4], "rounds": 12, "processes": 2}
    return params.study(variants=variants, baseline="plain", latency=latency, **changes)


@pytest.fixture
def built(monkeypatch):
    """The networks in the order in which they were built, and what they noted."""
    notes, order = [], []

    def build(study, variant, images, seed):
        order.append(variant)
        with torch.random.fork_rng():
            return Witness({"plain": 1, "same": 1, "heavy": 12}[variant], notes)

    monkeypatch.setattr(latency.networks, "build", build)
    return SimpleNamespace(notes=notes, order=order)


def test_a_row_keeps_the_times_of_every_process():
    row = latency.row("heavy", 4, [[2.0, 4.0, 20.0], [2.0, 4.0, 9.0]])
    assert row.median_ms == pytest.approx(4.0)
    assert row.iqr_ms == pytest.approx(7.75 - 2.5)  # quartiles of 2, 2, 4, 4, 9, 20
    assert row.p90_ms == pytest.approx(14.5)
    assert (row.variant, row.batch_size) == ("heavy", 4)
    assert row.round_ms == [[2.0, 4.0, 20.0], [2.0, 4.0, 9.0]]


def test_a_sample_of_the_fastest_lasts_five_milliseconds():
    sampling = latency.choose_sampling(1, {"fast": FakeTimer("fast", 0.0004), "slow": FakeTimer("slow", 0.001)})
    assert sampling.repeats == 13  # 5 ms / 0.4 ms, rounded up
    assert sampling.round_seconds == pytest.approx((13 + 2) * 0.0014)  # two more calls: Timer warms up
    assert latency.choose_sampling(1, {"slow": FakeTimer("slow", 0.5)}).repeats == 1
    assert latency.choose_sampling(1, {"instant": FakeTimer("instant", 1e-9)}).repeats == latency.MAX_REPEATS


@pytest.mark.parametrize(("seconds", "rounds"), [(1000.0, 30), (16.5, 17), (0.0, latency.FEWEST_ROUNDS)])
def test_rounds_end_when_the_time_is_over_but_never_before_a_median_exists(seconds, rounds, monkeypatch):
    log: list[str] = []
    timers = {name: FakeTimer(name, 0.5, log) for name in "ab"}
    monkeypatch.setattr(latency.time, "perf_counter", lambda: 0.5 * len(log))  # a round lasts a second
    times = latency.interleaved(timers, 1, latency.Limits(30, seconds), random.Random(0))
    assert times == {"a": [500.0] * rounds, "b": [500.0] * rounds}


def test_batch_sizes_share_the_time_in_proportion_to_their_rounds():
    samplings = [latency.Sampling(1, 9, 0.2), latency.Sampling(64, 1, 0.6)]
    assert latency.shares(19.2, samplings) == pytest.approx([4.8, 14.4])


def test_the_order_of_the_variants_is_shuffled_each_round_and_depends_on_the_seed():
    def orders(seed: int) -> list[list[str]]:
        log: list[str] = []
        timers = {name: FakeTimer(name, 1.0, log) for name in "abcd"}
        latency.interleaved(timers, 2, latency.Limits(10, 1e9), random.Random(seed))
        return [log[start : start + 4] for start in range(0, 40, 4)]

    first = orders(0)
    assert all(sorted(order) == list("abcd") for order in first)
    assert len({tuple(order) for order in first}) > 3
    assert orders(0) == first != orders(1)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_three_small_networks(precision, built):
    before = torch.get_rng_state()
    machine = {"device": "cpu", "precision": precision, "threads": 1}
    times = cost.inference_times(study(machine=machine), IMAGES, 0)
    assert list(times) == [(name, size) for size in (1, 4) for name in ("plain", "same", "heavy")]
    for size in (1, 4):
        plain, same, heavy = (median(times[name, size]) for name in ("plain", "same", "heavy"))
        assert 0.25 < same / plain < 4  # generous: the machine may be busy
        assert heavy > 2 * plain
    assert all(3 <= len(rounds) <= 6 and min(rounds) > 0 for rounds in times.values())
    dtype = "torch.bfloat16" if precision == "bf16" else "torch.float32"
    assert set(built.notes) == {((size, *SHAPE), dtype, True, True, 1, False) for size in (1, 4)}
    assert torch.equal(torch.get_rng_state(), before)


def test_training_steps_are_timed_on_one_batch_with_the_networks_in_train_mode(built):
    labels = set()

    def make_step(study, network):
        return lambda images, classes: labels.add((network(images) is None, tuple(classes.tolist())))

    before = torch.get_rng_state()
    times = cost.step_times(study(recipe=params.recipe(batch_size=2)), IMAGES, make_step, 0)
    assert list(times) == [(name, 2) for name in ("plain", "same", "heavy")]
    assert built.notes[-1] == ((2, *SHAPE), "torch.float32", False, True, 1, True)
    [(_, classes)] = labels
    assert set(classes) <= {0, 1, 2}
    assert torch.equal(torch.get_rng_state(), before)


def test_each_process_builds_the_networks_in_its_own_order(built, monkeypatch):
    monkeypatch.setattr(latency, "_timed", lambda *arguments: {})
    for process in range(4):
        cost.inference_times(study(), IMAGES, process)
    orders = {tuple(built.order[start : start + 3]) for start in range(0, 12, 3)}
    assert len(orders) > 1


def test_the_rounds_are_divided_among_fresh_processes_in_the_arithmetic_of_training(monkeypatch):
    """By default torch uses TensorFloat-32 for convolutions on an accelerator, but the record says float32."""
    set_up, divided = [], []

    def here(count, function):
        divided.append(count)
        return [function(number) for number in range(count)]

    def inference(study, images, process):
        assert len(set_up) == process + 1
        return {("plain", 1): [1.0 + process]}

    monkeypatch.setattr(latency, "in_fresh_processes", here)
    monkeypatch.setattr(latency.arithmetic, "set_up", set_up.append)
    monkeypatch.setattr(latency, "inference_times", inference)
    [row] = cost.measure_inference(study(), IMAGES)
    assert divided == [2]
    assert row.round_ms == [[1.0], [2.0]]


def test_a_function_is_called_in_fresh_processes_and_one_that_ends_early_is_reported():
    mask = os.umask(0o22)
    assert in_fresh_processes(2, os.umask) == [0o22, 0o22]  # each returns the mask before it and sets its own
    os.umask(mask)
    with pytest.raises(UserError, match="a process that measures times ended early"):
        in_fresh_processes(1, os._exit)
