"""Holm's correction and the verdicts."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attnbench.analyse.statistics import holm, verdict


def test_closed_form() -> None:
    # sorted 0.01, 0.02, 0.03, 0.4: times 4, 3, 2, 1, and never less than the previous one
    assert holm([0.4, 0.02, 0.01, 0.03]) == pytest.approx([0.4, 0.06, 0.04, 0.06])


@settings(max_examples=15, deadline=None)  # statsmodels collects garbage in each call
@given(st.lists(st.floats(0, 1), min_size=1, max_size=10))
def test_the_order_of_the_family_does_not_matter(p: list[float]) -> None:
    assert holm(p[::-1])[::-1] == pytest.approx(holm(p))


def test_an_unknown_p_stays_unknown_and_counts() -> None:
    adjusted = holm([0.01, math.nan, math.nan])
    assert adjusted[0] == pytest.approx(0.03)
    assert np.isnan(adjusted[1:]).all()


def test_an_empty_family_has_no_p() -> None:
    assert holm([]).size == 0


@pytest.mark.parametrize(
    ("mean", "p", "expected"),
    [
        (0.01, 0.049, "better"),
        (-0.01, 0.049, "worse"),
        (0.01, 0.0501, "inconclusive"),
        (-0.5, 1.0, "inconclusive"),
        (0.5, math.nan, "inconclusive"),
    ],
)
def test_verdict(mean: float, p: float, expected: str) -> None:
    assert verdict(mean, p, 0.95) == expected


def test_verdict_follows_the_confidence() -> None:
    assert [verdict(0.01, 0.03, confidence) for confidence in (0.95, 0.99)] == ["better", "inconclusive"]
