"""The paired difference: a closed form, an independent implementation, coverage, and degenerate data."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from attnbench.analyse.statistics import paired_difference


def test_closed_form_of_two_pairs() -> None:
    difference = paired_difference([0.3, 0.5], [0.1, 0.2], 0.95)
    # d = 0.2, 0.3; with one degree of freedom the t quantile is tan(pi * 0.95 / 2), and p = 1 - 2 atan(t) / pi
    half = math.tan(math.pi * 0.95 / 2) * 0.05
    assert (difference.n, difference.mean) == (2, pytest.approx(0.25))
    assert difference.std == pytest.approx(0.1 / math.sqrt(2))
    assert (difference.low, difference.high) == (pytest.approx(0.25 - half), pytest.approx(0.25 + half))
    assert difference.p == pytest.approx(1 - 2 * math.atan(5.0) / math.pi)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=2, max_size=12),
    st.floats(0.51, 0.999),
)
def test_agrees_with_scipy_on_pairs(pairs: list[tuple[float, float]], confidence: float) -> None:
    x, y = np.array(pairs).T
    assume(np.ptp(x - y) > 1e-3)  # equal differences are tested below
    difference, test = paired_difference(x, y, confidence), stats.ttest_rel(x, y)
    interval = test.confidence_interval(confidence)
    assert (difference.mean, difference.std) == (pytest.approx(np.mean(x - y)), pytest.approx(np.std(x - y, ddof=1)))
    assert (difference.low, difference.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert difference.p == pytest.approx(test.pvalue)


def test_the_interval_covers_as_often_as_it_claims() -> None:
    samples = np.random.default_rng(0).normal(0.3, 1.0, size=(2000, 3))
    differences = [paired_difference(sample, np.zeros(3), 0.9) for sample in samples]
    covered = np.mean([difference.low <= 0.3 <= difference.high for difference in differences])
    assert covered == pytest.approx(0.9, abs=0.02)


def test_one_pair_has_a_mean_and_nothing_else() -> None:
    difference = paired_difference([0.72], [0.70], 0.95)
    assert difference.mean == pytest.approx(0.02)
    assert all(math.isnan(value) for value in (difference.std, difference.low, difference.high, difference.p))


@pytest.mark.parametrize("shift", [0.0, 0.1])
def test_equal_differences_claim_no_certainty(shift: float) -> None:
    baseline = np.array([0.7, 0.13, 0.57])
    difference = paired_difference(baseline + shift, baseline, 0.95)  # equal up to rounding
    assert (difference.mean, difference.std) == (pytest.approx(shift), 0.0)
    assert all(math.isnan(value) for value in (difference.low, difference.high, difference.p))


def test_nearly_equal_differences_still_have_an_interval() -> None:
    difference = paired_difference([0.7001, 0.7002], [0.7, 0.7], 0.95)
    assert difference.std > 0
    assert difference.low < difference.mean < difference.high


@pytest.mark.parametrize(("x", "y"), [([], []), ([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]])])
def test_other_shapes_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match=r"two arrays of the same length"):
        paired_difference(x, y, 0.95)
