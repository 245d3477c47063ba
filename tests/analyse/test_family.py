"""Holm's correction and the verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnbench.analyse.statistics import holm, verdict

P = st.lists(st.floats(0, 1), min_size=1, max_size=10)


def test_closed_form() -> None:
    # ordered 0.01, 0.02, 0.03, 0.4: times 4, 3, 2, 1, then never less than the one before
    assert holm([0.4, 0.02, 0.01, 0.03]) == pytest.approx([0.4, 0.06, 0.04, 0.06])


def test_one_comparison_needs_no_correction() -> None:
    assert holm([0.03]) == pytest.approx([0.03])


@settings(max_examples=15, deadline=None)  # statsmodels collects garbage in each call
@given(P)
def test_lies_between_p_and_bonferroni(p: list[float]) -> None:
    adjusted = holm(p)
    assert np.all(adjusted >= np.array(p) - 1e-12)
    assert np.all(adjusted <= np.minimum(1, np.array(p) * len(p)) + 1e-12)


@settings(max_examples=15, deadline=None)  # statsmodels collects garbage in each call
@given(P)
def test_the_order_of_the_family_is_no_matter(p: list[float]) -> None:
    assert holm(p[::-1])[::-1] == pytest.approx(holm(p))


def test_an_unknown_p_stays_unknown_and_counts() -> None:
    adjusted = holm([0.01, math.nan, math.nan])
    assert adjusted[0] == pytest.approx(0.03)
    assert np.isnan(adjusted[1:]).all()


def test_no_comparison_is_no_error() -> None:
    assert holm([]).size == 0


@pytest.mark.parametrize(
    ("mean", "p", "said"),
    [
        (0.01, 0.049, "better"),
        (-0.01, 0.049, "worse"),
        (0.01, 0.0501, "inconclusive"),
        (-0.5, 1.0, "inconclusive"),
        (0.5, math.nan, "inconclusive"),
    ],
)
def test_verdict(mean: float, p: float, said: str) -> None:
    assert verdict(mean, p, 0.95) == said


def test_verdict_follows_the_confidence() -> None:
    assert [verdict(0.01, 0.03, confidence) for confidence in (0.95, 0.99)] == ["better", "inconclusive"]
