"""The paired difference: closed forms, an independent implementation, invariances, and degenerate data."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats

from attnbench.analyse.statistics import paired_difference

PAIRS = st.lists(st.tuples(st.floats(0, 1, width=32), st.floats(0, 1, width=32)), min_size=2, max_size=12)


def apart(pairs: list[tuple[float, float]]) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.array(pairs).T
    assume(np.ptp(x - y) > 1e-3)  # differences with a spread; those without have tests of their own
    return x, y


def test_closed_form_of_two_pairs() -> None:
    found = paired_difference([0.3, 0.5], [0.1, 0.2], 0.95)
    # d = 0.2, 0.3; with one degree of freedom the t quantile is tan(pi * 0.95 / 2), and p = 1 - 2 atan(t) / pi
    half = math.tan(math.pi * 0.95 / 2) * 0.05
    assert (found.n, found.mean) == (2, pytest.approx(0.25))
    assert found.std == pytest.approx(0.1 / math.sqrt(2))
    assert (found.low, found.high) == (pytest.approx(0.25 - half), pytest.approx(0.25 + half))
    assert found.p == pytest.approx(1 - 2 * math.atan(5.0) / math.pi)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.floats(0.51, 0.999))
def test_agrees_with_scipy_on_pairs(pairs: list[tuple[float, float]], confidence: float) -> None:
    x, y = apart(pairs)
    found, test = paired_difference(x, y, confidence), stats.ttest_rel(x, y)
    interval = test.confidence_interval(confidence)
    assert (found.low, found.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert found.p == pytest.approx(test.pvalue)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.floats(-100, 100))
def test_a_shift_of_both_changes_nothing(pairs: list[tuple[float, float]], shift: float) -> None:
    x, y = apart(pairs)
    found, moved = paired_difference(x, y, 0.95), paired_difference(x + shift, y + shift, 0.95)
    assert (moved.mean, moved.low, moved.high) == (
        pytest.approx(found.mean, abs=1e-9),
        pytest.approx(found.low, abs=1e-6),
        pytest.approx(found.high, abs=1e-6),
    )


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.floats(0.01, 100))
def test_a_scale_scales_all_but_p(pairs: list[tuple[float, float]], scale: float) -> None:
    x, y = apart(pairs)
    found, scaled = paired_difference(x, y, 0.95), paired_difference(x * scale, y * scale, 0.95)
    for name in ("mean", "std", "low", "high"):
        assert getattr(scaled, name) == pytest.approx(getattr(found, name) * scale, abs=1e-9)
    assert scaled.p == pytest.approx(found.p, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(PAIRS, st.randoms(use_true_random=False))
def test_the_order_of_the_pairs_is_no_matter(pairs: list[tuple[float, float]], random: object) -> None:
    x, y = apart(pairs)
    order = np.arange(len(x))
    random.shuffle(order)  # type: ignore[attr-defined]
    found, shuffled = paired_difference(x, y, 0.95), paired_difference(x[order], y[order], 0.95)
    assert shuffled.low == pytest.approx(found.low, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(PAIRS)
def test_exchanging_the_two_changes_the_sign(pairs: list[tuple[float, float]]) -> None:
    x, y = apart(pairs)
    found, exchanged = paired_difference(x, y, 0.95), paired_difference(y, x, 0.95)
    assert (exchanged.low, exchanged.high) == (pytest.approx(-found.high), pytest.approx(-found.low))


def test_one_pair_has_a_mean_and_nothing_else() -> None:
    found = paired_difference([0.72], [0.70], 0.95)
    assert found.mean == pytest.approx(0.02)
    assert all(math.isnan(value) for value in (found.std, found.low, found.high, found.p))


@pytest.mark.parametrize("difference", [0.0, 0.1])
def test_equal_differences_claim_no_certainty(difference: float) -> None:
    baseline = np.array([0.7, 0.13, 0.57])
    found = paired_difference(baseline + difference, baseline, 0.95)  # equal but for rounding
    assert (found.mean, found.std) == (pytest.approx(difference), 0.0)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p))


def test_nearly_equal_differences_still_have_an_interval() -> None:
    found = paired_difference([0.7001, 0.7002], [0.7, 0.7], 0.95)
    assert found.std > 0
    assert found.low < found.mean < found.high


@pytest.mark.parametrize(("x", "y"), [([], []), ([1.0, 2.0], [1.0]), ([[1.0]], [[1.0]])])
def test_other_shapes_are_refused(x: list[float], y: list[float]) -> None:
    with pytest.raises(ValueError, match=r"one and the same length"):
        paired_difference(x, y, 0.95)


def test_the_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    draws = random.normal(0.3, 1.0, size=(2000, 3))
    found = [paired_difference(draw, np.zeros(3), 0.9) for draw in draws]
    assert np.mean([one.low <= 0.3 <= one.high for one in found]) == pytest.approx(0.9, abs=0.02)
