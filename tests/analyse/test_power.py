"""Power of the paired t test against the noncentral t distribution, a simulation and a published table."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from attnbench.analyse.statistics import (
    SEEDS_LIMIT,
    paired_difference,
    power,
    seeds_needed,
    smallest_detectable_difference,
)

FEW = settings(max_examples=15, deadline=None)  # each example solves for a root over thousands of nodes


@pytest.mark.parametrize(("effect", "n", "alpha"), [(0.5, 10, 0.05), (1.0, 5, 0.05), (2.0, 3, 0.05), (0.1, 900, 0.01)])
def test_agrees_with_the_noncentral_t(effect: float, n: int, alpha: float) -> None:
    threshold = stats.t.isf(alpha / 2, n - 1)
    tails = stats.nct.sf(threshold, n - 1, effect * n**0.5) + stats.nct.cdf(-threshold, n - 1, effect * n**0.5)
    assert power(effect, n, alpha) == pytest.approx(tails, abs=1e-6)


@pytest.mark.parametrize(("n", "alpha"), [(2, 0.05), (3, 0.05 / 7), (5, 0.05 / 9), (40, 0.05), (SEEDS_LIMIT, 0.01)])
def test_without_an_effect_the_power_is_the_level(n: int, alpha: float) -> None:
    assert power(0.0, n, alpha) == pytest.approx(alpha, rel=1e-4)


def test_three_seeds_detect_what_a_simulation_detects() -> None:
    alpha, random = 0.05 / 7, np.random.default_rng(1)
    smallest = smallest_detectable_difference(0.5, 3, alpha)
    samples = random.normal(smallest, 0.5, size=(4000, 3))
    detected = [paired_difference(sample, np.zeros(3), 0.95).p < alpha for sample in samples]
    assert np.mean(detected) == pytest.approx(0.8, abs=0.02)


def test_tabulated_value() -> None:
    # Cohen's tables: a paired t test with 34 pairs detects d = 0.5 at the 5 % level with a power of 80 %
    assert seeds_needed(0.5, 1.0, 0.05) == 34
    assert smallest_detectable_difference(1.0, 34, 0.05) == pytest.approx(0.5, abs=0.01)


@FEW
@given(st.floats(1e-4, 10), st.integers(2, 60))
def test_the_smallest_detectable_difference_has_the_target_power(std: float, n: int) -> None:
    assert power(smallest_detectable_difference(std, n, 0.01) / std, n, 0.01) == pytest.approx(0.8, rel=1e-6)


@FEW
@given(st.floats(0.1, 20))
def test_seeds_needed_is_the_first_number_that_suffices(effect: float) -> None:
    n = seeds_needed(effect, 1.0, 0.01)
    assert n is not None
    assert power(effect, n, 0.01) >= 0.8
    assert n == 2 or power(effect, n - 1, 0.01) < 0.8


def test_the_sign_does_not_matter() -> None:
    assert seeds_needed(-0.5, 1.0, 0.05) == seeds_needed(0.5, 1.0, 0.05)


@pytest.mark.parametrize(("n", "std"), [(1, math.nan), (1, 1.0), (3, 0.0), (3, math.nan)])
def test_an_undetermined_difference_is_nan(n: int, std: float) -> None:
    assert math.isnan(smallest_detectable_difference(std, n, 0.05))


@pytest.mark.parametrize(("difference", "std"), [(0.0, 1.0), (1e-6, 1.0), (0.1, 0.0), (0.1, math.nan)])
def test_an_undetermined_number_of_seeds_is_none(difference: float, std: float) -> None:
    assert seeds_needed(difference, std, 0.05) is None
