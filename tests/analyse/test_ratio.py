"""Ratios of times that were measured in turns, in several processes."""

import math

import numpy as np
import pytest

from attnbench.analyse.statistics import time_ratio


def test_times_are_compared_within_a_round_and_processes_by_their_logarithms() -> None:
    """The medians are 2 and 8, so the logarithms are 2 log 2 +- log 2; t(1; 0.975) = 12.7062."""
    ratio = time_ratio([[2.0, 4.0, 30.0], [8.0, 16.0]], [[1.0, 2.0, 10.0], [1.0, 2.0]], 0.95)
    assert (ratio.processes, ratio.rounds, ratio.value) == (2, 5, pytest.approx(4.0))
    half = 12.7062 * math.log(2)  # the standard error is log(2) sqrt(2) / sqrt(2)
    assert [math.log(ratio.low), math.log(ratio.high)] == pytest.approx(
        [2 * math.log(2) - half, 2 * math.log(2) + half]
    )


@pytest.mark.parametrize("others", [[[1.0, 1.0]], [[0.3, 0.3], [0.1 + 0.2, 0.3]]])
def test_one_process_and_equal_processes_give_no_interval(others: list[list[float]]) -> None:
    ratio = time_ratio([[3.0, 3.0]] * len(others), others, 0.95)
    assert ratio.value == pytest.approx(3.0 / others[0][0])
    assert np.isnan([ratio.low, ratio.high]).all()


@pytest.mark.parametrize("others", [[[1.0, 2.0, 3.0]], [[1.0, 2.0], [1.0, 2.0]], []])
def test_rounds_must_be_pairs(others: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"the same processes and rounds, at least one; got \[2\] and \["):
        time_ratio([[1.0, 2.0]], others, 0.95)


@pytest.mark.parametrize("time", [0.0, -1.0, math.nan, math.inf])
def test_a_time_is_positive_and_finite(time: float) -> None:
    with pytest.raises(ValueError, match="a time is positive and finite"):
        time_ratio([[1.0, 2.0]], [[1.0, time]], 0.95)


DISTRIBUTIONS = {  # of the logarithms of the ratios of processes, mean 0 and standard deviation 1
    "normal": lambda stream, size: stream.normal(size=size),
    "t, 3 degrees of freedom": lambda stream, size: stream.standard_t(3, size) / math.sqrt(3),
    "lognormal, 0.75": lambda stream, size: (
        (stream.lognormal(0, 0.75, size) - math.exp(0.28125)) / math.sqrt(math.exp(1.125) - math.exp(0.5625))
    ),
    "two levels, one in five processes": lambda stream, size: ((stream.random(size) < 0.2) - 0.2) / 0.4,
    "none": lambda stream, size: np.zeros(size),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_the_interval_covers_the_ratio_of_all_processes(name: str) -> None:
    """The table of docs/decisions/017: `pytest -n0 -m slow -s tests/analyse/test_ratio.py`.

    5 processes of 6 rounds; processes differ by 1 %, rounds by 2 % (t with 4 degrees of freedom).
    """
    stream = np.random.default_rng(0)
    process = 0.01 * DISTRIBUTIONS[name](stream, (2000, 5, 1))
    logs = process + 0.02 * stream.standard_t(4, (2000, 5, 6)) / math.sqrt(2)
    medians = np.median(logs, axis=2)
    ratios = [time_ratio(np.exp(own).tolist(), np.ones((5, 6)).tolist(), 0.95) for own in logs]
    covered = np.mean([ratio.low <= 1 <= ratio.high for ratio in ratios])
    of_ranks = np.mean((medians.min(axis=1) <= 0) & (medians.max(axis=1) >= 0))
    rounds = np.sort(process[:, :1] + 0.02 * stream.standard_t(4, (2000, 1, 30)) / math.sqrt(2))[:, 0]
    of_rounds = np.mean((rounds[:, 9] <= 0) & (rounds[:, 20] >= 0))  # Conover's table for n = 30
    print(f"{name}: t {covered:.1%}, ranks of processes {of_ranks:.1%}, ranks of the rounds of one {of_rounds:.1%}")
    assert 0.9 < covered < 0.98
