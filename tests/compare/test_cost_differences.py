"""Times of two sides, as ratios to the baseline's, with what the differences between processes leave open."""

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from made_records import ENVIRONMENT
from scipy import stats

from attnbench.compare.cost_differences import time_ratios
from attnbench.compare.run_sets import RunSet, RunSource
from attnbench.records import LatencyRecord, LatencyRow


def side(times: dict[str, list[list[float]]], *, steps: Sequence[str] = (), baseline: str | None = "plain") -> RunSet:
    """Return a side that measured these milliseconds, by variant, process and round, at batch size 1."""
    rows = {
        name: LatencyRow(variant=name, batch_size=1, median_ms=process[0][0], iqr_ms=0, p90_ms=1e6, round_ms=process)
        for name, process in times.items()
    }
    latency = LatencyRecord(
        study="made_up",
        environment=ENVIRONMENT,
        cores=2,
        load_average=0,
        inference=list(rows.values()),
        training_step=[rows[name] for name in steps],
    )
    return RunSet(RunSource("made_up"), None, [], [], {}, latency, baseline)


PLAIN = [[1.0, 2.0], [4.0], [1.0]]


def test_ratios_to_the_baseline_are_compared_between_processes() -> None:
    """Within rounds: 1 and e in A, e^2 and e^5 in B; both variants and the step are one family of three."""
    e = math.e
    times_a = {"plain": [[1.0], [3.0]], "se": [[1.0], [3 * e]], "eca": [[1.0], [3.1]]}
    times_b = {"plain": [[5.0], [2.0]], "se": [[5 * e**2], [2 * e**5]], "eca": [[50.0], [20.1]]}
    frame = time_ratios(side(times_a), side(times_b, steps=["plain", "se"]), 0.9)
    assert frame is not None
    assert list(frame["variant"]) == ["plain", "se", "eca"]
    se = frame.set_index("variant").loc["se"]
    assert se["ratio"] == pytest.approx(5 * e**2)
    half = stats.t.ppf(1 - 0.1 / 4, 10**2 / (1 + 9**2)) * math.sqrt(10) / 2  # variances 1 / 2 and 9 / 2, two rows
    logarithms = [math.log(se[name]) for name in ("relative", "low", "high")]
    assert logarithms == pytest.approx([3, 3 - half, 3 + half])
    assert list(frame["verdict"].fillna("")) == ["", "inconclusive", "slower"]
    back = time_ratios(side(times_b), side(times_a, steps=["se"]), 0.9)
    assert back is not None
    assert list(back["verdict"].fillna("")) == ["", "inconclusive", "faster"]


@pytest.mark.parametrize(
    ("times", "baseline"),
    [
        ({"plain": PLAIN, "se": PLAIN}, None),
        ({"plain": PLAIN, "se": PLAIN}, "other"),
        ({"plain": PLAIN, "se": [[1.0], [4.0, 1.0], [1.0]]}, "plain"),
    ],
)
def test_without_rounds_that_the_baseline_shares_there_is_only_the_ratio_of_times(
    times: dict[str, list[list[float]]], baseline: str | None
) -> None:
    frame = time_ratios(side({"plain": PLAIN, "se": PLAIN}), side(times, baseline=baseline), 0.95)
    assert frame is not None
    assert list(frame["ratio"]) == [1.0, 1.0]
    assert frame[["relative", "low", "high", "verdict"]].isna().all(axis=None)


def test_times_of_another_class_of_machine_are_not_compared() -> None:
    here = side({"plain": PLAIN})
    assert here.latency is not None
    elsewhere = ENVIRONMENT.model_copy(update={"processor": "Another"})
    there = replace(here, latency=here.latency.model_copy(update={"environment": elsewhere}))
    assert time_ratios(here, there, 0.95) is None


def test_one_process_leaves_the_change_open() -> None:
    many, one = (side({"plain": [[1.0]] * n, "se": [[2.0 + k] for k in range(n)]}) for n in (3, 1))
    frame = time_ratios(many, one, 0.95)
    assert frame is not None
    assert frame["verdict"].iloc[1] == "inconclusive"
    assert frame[["low", "high"]].isna().all(axis=None)
