"""Ratios of times taken in turns."""

import numpy as np
import pytest

from attnbench.analyse.statistics import median_ratio


def test_rounds_are_compared_within_themselves() -> None:
    found = median_ratio([2.0, 4.0, 20.0, 2.0, 4.0, 9.0], [1.0, 2.0, 10.0, 1.0, 2.0, 3.0], 0.95)
    assert (found.n, found.value, found.low, found.high) == (6, 2.0, 2.0, 3.0)


def test_the_interval_is_made_of_order_statistics() -> None:
    values = np.random.default_rng(0).lognormal(size=30)
    found = median_ratio(values, np.ones(30), 0.95)
    assert (found.low, found.high) == (np.sort(values)[9], np.sort(values)[20])  # as Conover's table for n = 30


def test_too_few_rounds_give_no_interval() -> None:
    found = median_ratio([1.0, 2.0], [1.0, 1.0], 0.95)
    assert found.value == 1.5
    assert np.isnan([found.low, found.high]).all()


def test_rounds_have_to_be_pairs() -> None:
    with pytest.raises(ValueError, match=r"one and the same length .* got \(2,\) and \(3,\)"):
        median_ratio([1.0, 2.0], [1.0, 2.0, 3.0], 0.95)
