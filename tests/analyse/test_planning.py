"""Half-widths and seeds to plan for: the published table of the rule, and what determines no number."""

import math

import numpy as np
import pytest

from attnbench.analyse.statistics import (
    MOST_SEEDS,
    critical_value,
    degrees_of_freedom,
    expected_half_width,
    moderated_variances,
    pair_contrasts,
    seeds_for,
    upper_limit,
)


def to_baseline(v: int):
    names = [str(variant) for variant in range(v)]
    return pair_contrasts(names, [(name, "0") for name in names[1:]])


# for half-widths of 0.3, 0.5 and 1.0 points; computed apart from this code, its critical values right to 0.001
@pytest.mark.parametrize(
    ("v", "error_std", "seeds"),
    [(4, 0.25, (10, 5, 3)), (4, 1.0, (126, 47, 14)), (8, 0.35, (22, 10, 4)), (12, 0.5, (46, 19, 6))],
)
def test_seeds_for_a_half_width(v, error_std, seeds):
    contrasts = to_baseline(v)
    counts = tuple(seeds_for(half_width, contrasts, error_std, 0.95) for half_width in (0.3, 0.5, 1.0))
    assert counts == seeds
    for half_width, number in zip((0.3, 0.5, 1.0), counts, strict=True):
        assert expected_half_width(contrasts, number, error_std, 0.95) <= half_width
        assert expected_half_width(contrasts, number - 1, error_std, 0.95) > half_width


@pytest.mark.parametrize(("v", "n", "share"), [(2, 3, math.sqrt(math.pi) / 2), (4, 3, 1.0), (8, 5, 1.0), (17, 3, 1.03)])
def test_half_widths_average_to_the_planned_one(v, n, share):
    """With two variants the mean is that of a standard deviation of n values, c4(3) = 0.886; a cap adds a little."""
    contrasts, values = to_baseline(v), np.random.default_rng(0).standard_normal((4000, v, n))
    crit = critical_value(contrasts, degrees_of_freedom(v, n), 0.95)
    half_widths = crit * np.sqrt(moderated_variances(values, contrasts) / n)
    assert half_widths.mean() / expected_half_width(contrasts, n, 1.0, 0.95) == pytest.approx(share, abs=0.015)


def test_two_variants_have_the_half_width_of_the_paired_t_test():
    assert expected_half_width(to_baseline(2), 3, 1.0, 0.95) == pytest.approx(4.3027 * math.sqrt(2 / 3), abs=1e-3)


def test_one_seed_gives_no_interval_and_no_spread_needs_no_seeds():
    assert math.isnan(expected_half_width(to_baseline(3), 1, 1.0, 0.95))
    assert [seeds_for(1.0, to_baseline(3), std, 0.95) for std in (0.0, math.nan)] == [None, None]
    assert seeds_for(1.0, to_baseline(3), 0.5 * MOST_SEEDS**0.5, 0.95) is None


def test_the_upper_limit_is_exceeded_by_the_truth_one_time_in_five():
    assert upper_limit(1.0, 10, 0.8) == pytest.approx(math.sqrt(10 / 6.1791), abs=1e-4)  # chi-square table
    assert math.isnan(upper_limit(1.0, 0, 0.8))
