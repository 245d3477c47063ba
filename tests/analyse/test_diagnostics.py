"""Diagnostics of the block design: against least squares, and without a number where there is none."""

import math

import numpy as np
import pytest
from scipy import stats

from attnbench.analyse.statistics import (
    additivity,
    error_spread,
    largest_residual,
    left_out,
    pair_contrasts,
    seed_std,
    variance_ratios,
)

VALUES = np.array([[3.0, 5.0, 9.0, 8.0], [4.0, 7.0, 9.0, 11.0], [1.0, 2.0, 6.0, 3.0]])
DF = 6


def residual_squares(values, *columns, without=None):
    """Return the residual sum of squares of values ~ variant + seed + columns, without one cell, and the fit of all."""
    v, n = values.shape
    variant, seed = np.indices(values.shape)
    design = [*(variant == row for row in range(v)), *(seed == column for column in range(1, n)), *columns]
    x = np.stack([column.ravel() for column in design], axis=1).astype(float)
    kept = np.arange(values.size) != (-1 if without is None else without)
    fit = x @ np.linalg.lstsq(x[kept], values.ravel()[kept], rcond=None)[0]
    return float(((values.ravel() - fit)[kept] ** 2).sum()), fit


def test_spreads():
    squares, _ = residual_squares(VALUES)
    spread = error_spread(VALUES, 0.95)
    assert spread.std == pytest.approx(math.sqrt(squares / DF))
    assert spread.low == pytest.approx(math.sqrt(squares / stats.chi2.ppf(0.975, DF)))
    assert spread.high == pytest.approx(math.sqrt(squares / stats.chi2.ppf(0.025, DF)))
    between = 3 * VALUES.mean(axis=0).var(ddof=1)  # mean square of the seeds
    assert seed_std(VALUES) == pytest.approx(math.sqrt((between - squares / DF) / 3))
    assert seed_std(VALUES - VALUES.mean(axis=0)) == 0


def test_additivity_is_the_test_of_the_product_of_the_effects():
    effects = np.outer(VALUES.mean(axis=1) - VALUES.mean(), VALUES.mean(axis=0) - VALUES.mean())
    without, with_product = residual_squares(VALUES)[0], residual_squares(VALUES, effects)[0]
    f = (without - with_product) / (with_product / (DF - 1))
    assert additivity(VALUES).f == pytest.approx(f)
    assert additivity(VALUES).p == pytest.approx(stats.f.sf(f, 1, DF - 1))
    assert math.isfinite(additivity(VALUES[:2, :3]).f)  # the fewest degrees of freedom, two


def test_the_largest_residual_is_studentised_without_its_run():
    outlier = largest_residual(VALUES)
    ((variant, seed),) = outlier.runs
    cell = 4 * variant + seed
    squares, fit = residual_squares(VALUES, without=cell)
    deviation = VALUES.ravel()[cell] - fit[cell]
    leverage = 1 - DF / VALUES.size
    assert outlier.studentised == pytest.approx(abs(deviation) * math.sqrt((1 - leverage) / (squares / (DF - 1))))
    assert outlier.p == pytest.approx(min(1, 12 * 2 * stats.t.sf(outlier.studentised, DF - 1)))


def test_an_outlying_run_is_named():
    values = np.random.default_rng(0).normal(size=(5, 4))
    values[3, 2] -= 9
    assert largest_residual(values).runs == ((3, 2),)
    assert largest_residual(values).p < 0.01


def test_the_probability_of_an_ordinary_residual_is_at_most_1():
    outlier = largest_residual(np.eye(3))
    assert outlier.runs == ((0, 0), (1, 1), (2, 2))
    assert outlier.studentised == pytest.approx(math.sqrt(3))  # of 9 runs, with 3 degrees of freedom: 9 p = 1.6
    assert outlier.p == 1


def test_one_run_apart_from_equal_ones_is_an_infinite_outlier():
    values = np.array([[0.5, 0.5, 0.5], [0.5, 0.5, 0.6], [0.5, 0.5, 0.5]])
    outlier, test = largest_residual(values), additivity(values)
    assert (outlier.runs, outlier.studentised, outlier.p) == (((1, 2),), math.inf, 0)
    assert (test.f, test.p) == (math.inf, 0)


def test_two_seeds_cannot_tell_which_run_is_the_outlier():
    values = np.array([[0.0, 0.1], [0.2, 0.1], [0.3, 5.0], [0.1, 0.3]])
    assert largest_residual(values).runs == ((2, 0), (2, 1))


def test_variance_ratios_show_a_noisy_baseline():
    contrasts = pair_contrasts(["a", "b", "c"], [("a", "c"), ("b", "c")])
    own = np.array([np.var(VALUES[0] - VALUES[2], ddof=1), np.var(VALUES[1] - VALUES[2], ddof=1)])
    squares = 2 * residual_squares(VALUES)[0] / DF
    found = variance_ratios(VALUES, contrasts)
    assert own.mean() > squares
    assert found.pooled == pytest.approx(own.mean() / squares)
    assert found.own == pytest.approx(own / own.mean())


def test_a_contrast_with_another_variance_has_a_small_p_in_both_directions():
    """The F test is against all that neither the contrast nor a seed explains."""
    random = np.random.default_rng(0)
    values = random.normal(size=(8, 10))
    contrasts = pair_contrasts(list("abcdefgh"), [("b", "a"), ("d", "c"), ("f", "e")])
    for spread in (0.01, 4):  # of b - a
        values[:2] = random.normal(size=10) + spread * random.normal(size=10) * np.array([[0.5], [-0.5]])
        p = variance_ratios(values, contrasts).p
        assert (p < 0.01).tolist() == [True, False, False]
    own, df = contrasts[2] @ values, 9
    squares = residual_squares(values)[0]
    rest = (squares - df * own.var(ddof=1) / 2) / (6 * df)
    f = own.var(ddof=1) / 2 / rest
    assert p[2] == pytest.approx(min(1, 3 * 2 * min(stats.f.cdf(f, df, 6 * df), stats.f.sf(f, df, 6 * df))))
    assert np.isnan(variance_ratios(values[:2], contrasts[:1, :2]).p).all()


def test_the_p_of_what_a_variant_adds_is_uniform_where_all_are_equally_noisy():
    random = np.random.default_rng(0)
    p = np.array([left_out(random.normal(size=(4, 5))).p for _ in range(2000)])
    assert (p < 0.4).mean(axis=0) == pytest.approx([0.1] * 4, abs=0.03)  # times 4, by Bonferroni


def test_a_noisy_variant_adds_most_and_an_equal_one_nothing():
    random = np.random.default_rng(1)
    values = random.normal(size=(5, 4)) * np.array([1, 1, 1, 1, 30])[:, None]
    found = left_out(np.vstack([values, values[:1]]))  # the first variant twice
    assert np.argmin(found.p[1:5]) == 3
    assert found.p[4] < 0.001
    assert np.isnan(found.p[[0, 5]]).all()
    assert found.stds[[0, 5]] == pytest.approx(error_spread(values, 0.95).std)
    assert found.stds[4] == pytest.approx(error_spread(values[:4], 0.95).std)
    assert np.isnan(left_out(values[:2]).stds).all()
    assert np.isnan(left_out(values[:, :1]).stds).all()


def test_a_difference_that_is_equal_for_all_seeds_since_accuracies_are_rounded_has_no_p():
    values = np.array([[0.871, 0.880], [0.874, 0.883], [0.866, 0.882], [0.869, 0.871]])
    p = variance_ratios(values, pair_contrasts(list("abcd"), [("b", "a"), ("c", "a")])).p
    assert np.isnan(p).tolist() == [True, False]


def test_the_p_of_a_variance_is_uniform_where_all_are_equal():
    random, contrasts = np.random.default_rng(1), pair_contrasts(list("abcd"), [("b", "a")])
    p = np.array([variance_ratios(random.normal(size=(4, 5)), contrasts).p[0] for _ in range(2000)])
    assert [np.mean(p < level) for level in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.5, 0.9], abs=0.03)


@pytest.mark.parametrize(
    "values",
    [[[0.7], [0.6]], [[0.7, 0.8, 0.6]], [[0.7, 0.8, 0.6], [0.6, 0.7, 0.5]]],
    ids=["one seed", "one variant", "no spread beyond variant and seed"],
)
def test_no_number_where_the_runs_determine_none(values):
    values = np.array(values)
    outlier, spread = largest_residual(values), error_spread(values, 0.95)
    numbers = [spread.std, spread.low, spread.high, seed_std(values), additivity(values).f, outlier.studentised]
    assert np.isnan(numbers).all()
    assert outlier.runs == ()


def test_one_degree_of_freedom_gives_a_spread_and_no_test():
    values = VALUES[:2, :2]
    assert error_spread(values, 0.95).std == pytest.approx(0.5)
    assert math.isnan(additivity(values).f)
    assert largest_residual(values).runs == ()


def test_equal_variants_count_once_and_have_no_ratio():
    names, pairs = ["a", "b", "c", "copy"], [("a", "c"), ("b", "c"), ("copy", "c"), ("copy", "a")]
    found = variance_ratios(np.vstack([VALUES, VALUES[:1]]), pair_contrasts(names, pairs))
    without = variance_ratios(VALUES, pair_contrasts(names[:3], [*pairs[:2], ("a", "c")]))
    assert found.pooled == without.pooled
    assert found.own[:3] == pytest.approx(without.own)
    assert math.isnan(found.own[3])
    assert math.isnan(found.p[3])
