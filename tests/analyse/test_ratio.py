"""Ratios of times that were measured in turns."""

import numpy as np
import pytest

from attnbench.analyse.statistics import median_ratio


def test_times_are_compared_within_a_round() -> None:
    ratio = median_ratio([2.0, 4.0, 20.0, 2.0, 4.0, 9.0], [1.0, 2.0, 10.0, 1.0, 2.0, 3.0], 0.95)
    assert (ratio.n, ratio.value, ratio.low, ratio.high) == (6, 2.0, 2.0, 3.0)


def test_the_interval_consists_of_order_statistics() -> None:
    values = np.random.default_rng(0).lognormal(size=30)
    ratio = median_ratio(values, np.ones(30), 0.95)
    assert (ratio.low, ratio.high) == (np.sort(values)[9], np.sort(values)[20])  # as in Conover's table for n = 30


def test_too_few_rounds_give_no_interval() -> None:
    ratio = median_ratio([1.0, 2.0], [1.0, 1.0], 0.95)
    assert ratio.value == 1.5
    assert np.isnan([ratio.low, ratio.high]).all()


def test_rounds_must_be_pairs() -> None:
    with pytest.raises(ValueError, match=r"two arrays of the same length.* got \(2,\) and \(3,\)"):
        median_ratio([1.0, 2.0], [1.0, 2.0, 3.0], 0.95)
