"""Latency: the statistics by hand, the order of the turns, and small networks in earnest."""

import math
import random

import pytest
import torch
from torch import nn
from torch.utils.benchmark import Measurement, TaskSpec

from attnbench import cost
from attnbench.analyse.statistics.ratio import median_interval
from attnbench.cost import latency
from attnbench.errors import UserError
from attnbench.records import LatencyRecord
from attnbench.study import schema

SHAPE = (3, 16, 16)


class FakeTimer:
    """A timer whose samples are given, and which notes when it was asked."""

    def __init__(self, name: str, seconds: list[float], asked: list[str]) -> None:
        self.name, self.seconds, self.asked = name, seconds, asked
        self.calls = 0

    def timeit(self, number: int) -> Measurement:
        self.asked.append(self.name)
        taken = self.seconds[self.calls % len(self.seconds)] * number
        self.calls += 1
        return Measurement(number, [taken], TaskSpec("", "", description=self.name))


class Notes(list):
    """A list that copies of its holders share."""

    def __deepcopy__(self, memo):
        return self


class Witness(nn.Module):
    """Notes in what way it was run."""

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


@pytest.fixture
def study():
    """Return `study(...)`: a study of three variants, with what latency needs."""

    def make(*, rounds: int = 6, batch_sizes=(1, 4), precision="float32", device="cpu", confidence=0.95):
        return schema.Study(
            name="tiny",
            root=".",
            params="params.yaml",
            title="Tiny",
            data=schema.ShapesData(source="shapes", train_images=100, test_images=10, seed=0, split_seed=0),
            backbone=schema.Backbone(name="cnn"),
            variants={name: schema.Variant(attention="none") for name in ("plain", "same", "heavy")},
            baseline="plain",
            seeds=[3],
            recipe=schema.SourceRecipe(
                name="source", epochs=1, batch_size=8, learning_rate=0.001, weight_decay=0.0, label_smoothing=0.0,
                augmentation=[], patience=1, factor=0.5,
            ),
            machine=schema.Machine(device=device, precision=precision, threads=1),
            confidence=confidence,
            latency=schema.Latency(batch_sizes=list(batch_sizes), rounds=rounds),
            views=schema.ViewedImages(images=1),
        )  # fmt: skip

    return make


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
    timers = {"fast": FakeTimer("fast", [0.0004], []), "slow": FakeTimer("slow", [0.001], [])}
    found = latency.plan(1, timers)
    assert found.repeats == 13  # 5 ms / 0.4 ms, rounded up
    assert found.round_seconds == pytest.approx((13 + 2) * 0.0014)  # two more calls for the timer's own warm-up
    assert latency.plan(1, {"slow": FakeTimer("slow", [0.5], [])}).repeats == 1
    assert latency.plan(1, {"instant": FakeTimer("instant", [1e-9], [])}).repeats == latency.MOST_REPEATS


@pytest.mark.parametrize(("seconds", "rounds"), [(1000.0, 30), (16.5, 17), (0.0, 6)])
def test_rounds_end_where_time_does_but_never_below_what_the_interval_needs(seconds, rounds, monkeypatch):
    asked: list[str] = []
    timers = {name: FakeTimer(name, [0.5], asked) for name in "ab"}
    monkeypatch.setattr(latency.time, "perf_counter", lambda: 0.5 * len(asked))  # a round lasts a second
    samples = latency.interleaved(timers, 1, latency.Limits(30, 6, seconds), random.Random(0))
    assert [len(found) for found in samples.values()] == [rounds, rounds]


def test_more_rounds_are_run_where_the_interval_needs_them():
    samples = latency.interleaved(
        {"a": FakeTimer("a", [1.0], [])}, 1, latency.Limits(5, latency.fewest_rounds(0.99), 9.0), random.Random(0)
    )
    assert len(samples["a"]) == 8


def test_batch_sizes_share_the_time_by_what_they_need():
    plans = [latency.Plan(1, 9, 0.2), latency.Plan(64, 1, 0.6)]
    assert latency.shares(30, plans, variants=8) == pytest.approx([4.8, 14.4])


def test_variants_take_turns_in_an_order_shuffled_anew_and_drawn_from_the_seed():
    def turns(seed: int) -> list[list[str]]:
        asked: list[str] = []
        timers = {name: FakeTimer(name, [1.0], asked) for name in "abcd"}
        samples = latency.interleaved(timers, 2, latency.Limits(10, 6, 1e9), random.Random(seed))
        assert [len(found) for found in samples.values()] == [10] * 4
        return [asked[start : start + 4] for start in range(0, 40, 4)]

    first = turns(0)
    assert all(sorted(turn) == list("abcd") for turn in first)
    assert len({tuple(turn) for turn in first}) > 3
    assert turns(0) == first != turns(1)


@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_small_networks_in_earnest(precision, study):
    notes = Notes()
    given = networks(notes)
    before = torch.get_rng_state()
    record = cost.measure(study(precision=precision), given, SHAPE)
    assert [(row.variant, row.batch_size) for row in record.rows] == [
        (name, size) for size in (1, 4) for name in ("plain", "same", "heavy")
    ]
    for plain, same, heavy in (record.rows[:3], record.rows[3:]):
        assert 0.25 < same.median_ms / plain.median_ms < 4  # generous: the machine may be busy
        assert heavy.median_ms > 2 * plain.median_ms
        assert all(0 < row.median_ms <= row.p90_ms for row in (plain, same, heavy))
        assert all(len(row.round_ms) == 6 for row in (plain, same, heavy))
    assert (record.study, record.threads, record.precision) == ("tiny", 1, precision)
    assert record.torch == torch.__version__
    assert record.processor
    assert LatencyRecord.model_validate_json(record.model_dump_json()) == record
    dtype = "torch.bfloat16" if precision == "bf16" else "torch.float32"
    assert set(notes) == {((size, *SHAPE), dtype, True, True, 1, False) for size in (1, 4)}
    assert all(network.training for network in given.values())  # copies were timed
    assert torch.equal(torch.get_rng_state(), before)


def test_a_missing_gpu_is_told(monkeypatch, study):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"machine\.device is 'cuda', but torch sees no GPU here; set `machine.device:"):
        cost.measure(study(device="cuda"), networks(Notes()), SHAPE)
