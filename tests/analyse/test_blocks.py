"""The moderated block t: published quantiles, the paired t test, golden cases of each verdict, degenerate runs."""

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from attnbench.analyse.statistics import (
    Comparison,
    block_comparisons,
    critical_value,
    moderated_variances,
    pair_contrasts,
)
from attnbench.analyse.statistics.blocks import verdict

VARIANTS = ["baseline", "a", "b", "c"]
PAIRS = [("a", "baseline"), ("b", "baseline"), ("c", "baseline"), ("a", "b")]


def _values(n: int) -> NDArray[np.float64]:
    """Return accuracies (4, n) around 0.8, with a seed effect larger than the error."""
    random = np.random.default_rng(3)
    return 0.8 + random.normal(0, 0.05, n) + random.normal(0, 0.01, (4, n))


def _compare(values: NDArray[np.float64], confidence: float = 0.95, margin: float | None = None) -> list[Comparison]:
    return block_comparisons(values, pair_contrasts(VARIANTS, PAIRS), confidence, margin)


def test_quantiles_agree_with_exact_quadrature() -> None:
    """2.9726941731 is the double integral over the baseline and the spread, the same from 100 to 400 Gauss points.

    To three decimals that is 2.973; 2.972 is the number cut short.
    """
    many_to_one = np.hstack([np.eye(7), -np.ones((7, 1))])
    assert critical_value(many_to_one, 14, 0.95) == pytest.approx(2.9726941731, abs=5e-4)
    assert f"{critical_value(many_to_one, 14, 0.95):.3f}" == f"{2.9726941731:.3f}" == "2.973"
    dependent = [[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0]]  # scipy's multivariate_t has 0.895 at 2.7
    assert stats.studentized_range.cdf(2.7 * 2**0.5, 3, 12) == pytest.approx(0.953, abs=5e-4)
    exact = stats.studentized_range.ppf(0.953, 3, 12) / 2**0.5  # all pairs of three: Tukey's test
    assert critical_value(dependent, 12, 0.953) == pytest.approx(exact, abs=5e-4)
    assert critical_value(dependent, 12, 0.953) == critical_value(np.array(dependent) * [[1], [2], [3]], 12, 0.953)


def test_a_confidence_beyond_the_points_has_bonferronis_bound() -> None:
    many_to_one = np.hstack([np.eye(7), -np.ones((7, 1))])
    assert critical_value(many_to_one, 200, 1 - 1e-9) == pytest.approx(stats.t.isf(1e-9 / 14, 200))


def test_the_rule_written_out() -> None:
    y = _values(4)
    family = pair_contrasts(VARIANTS, PAIRS)
    own = np.var(family @ y, axis=1, ddof=1)
    residuals = y - y.mean(axis=1, keepdims=True) - y.mean(axis=0) + y.mean()
    pooled = max(2 * (residuals**2).sum() / 9, own.mean())
    nu = 1 / ((3 / 7) ** 2 / 3 + (1 - (3 / 7) ** 2) / 9)  # w = 3 / (3 + 4)
    errors = np.sqrt((3 / 7 * own + 4 / 7 * pooled) / 4)
    half = critical_value(family, nu, 0.9) * errors
    comparisons = _compare(y, confidence=0.9)
    assert [one.standard_error for one in comparisons] == pytest.approx(errors)
    assert [one.degrees_of_freedom for one in comparisons] == pytest.approx([nu] * 4)
    assert [one.low for one in comparisons] == pytest.approx((family @ y).mean(axis=1) - half)
    assert [one.high for one in comparisons] == pytest.approx((family @ y).mean(axis=1) + half)


def test_a_noisy_baseline_is_in_every_difference() -> None:
    y = _values(3)
    y[0] = [0.7, 0.8, 0.9]
    pooled = np.var(pair_contrasts(VARIANTS, PAIRS[:3]) @ y, axis=1, ddof=1).mean()  # exceeds 2 MSE
    (alone, *_) = block_comparisons(y, pair_contrasts(VARIANTS, PAIRS[:3]), 0.95)
    own = np.var(y[1] - y[0], ddof=1)
    assert alone.standard_error**2 * 3 == pytest.approx(own / 3 + pooled * 2 / 3)


def test_many_studies_are_decided_at_once_as_one_by_one() -> None:
    family, studies = pair_contrasts(VARIANTS, PAIRS), np.stack([_values(3), 2 * _values(3)[::-1]])
    assert moderated_variances(studies, family) == pytest.approx(
        np.stack([moderated_variances(study, family) for study in studies])
    )


def test_degrees_of_freedom_never_exceed_those_of_the_prior_and_the_seeds() -> None:
    assert _compare(_values(12))[0].degrees_of_freedom == 15  # 11 + 4


@pytest.mark.parametrize("n", [2, 3, 10])
def test_two_variants_are_the_paired_t_test(n: int) -> None:
    x, y = _values(n)[:2]
    (comparison,) = block_comparisons([x, y], [[1, -1]], 0.9)
    test = stats.ttest_rel(x, y)
    interval = test.confidence_interval(0.9)
    assert (comparison.low, comparison.high) == (pytest.approx(interval.low), pytest.approx(interval.high))
    assert comparison.degrees_of_freedom == pytest.approx(test.df)


def test_a_contrast_is_in_the_unit_of_the_values_whatever_its_length() -> None:
    y = _values(4)
    half, whole = (block_comparisons(y, [[-f, f, 0, 0], [-f, 0, f, 0]], 0.95)[0] for f in (0.5, 1.0))
    assert (half.low, half.high, half.standard_error) == pytest.approx(
        (whole.low / 2, whole.high / 2, whole.standard_error / 2)
    )


@pytest.mark.parametrize(
    ("low", "high", "margin", "expected"),
    [
        (0.001, 0.02, None, "better"),
        (-0.02, -0.001, None, "worse"),
        (-0.01, 0.02, None, "inconclusive"),
        (0.0, 0.02, None, "inconclusive"),
        (-0.02, 0.0, None, "inconclusive"),
        (-0.004, 0.003, 0.005, "equivalent"),
        (0.001, 0.004, 0.005, "equivalent"),
        (-0.005, 0.003, 0.005, "inconclusive"),
        (-0.003, 0.005, 0.005, "inconclusive"),
        (0.001, 0.02, 0.005, "better"),
        (math.nan, math.nan, 0.005, "inconclusive"),
    ],
)
def test_verdict_of_an_interval(low: float, high: float, margin: float | None, expected: str) -> None:
    assert verdict(low, high, margin) == expected


def test_verdicts_of_runs() -> None:
    y = _values(5)
    y[1:] = y[0] + y[1:] - y[1:].mean(axis=1, keepdims=True) - y[0] + y[0].mean() + np.array([[0.1], [-0.1], [0.0]])
    assert [one.verdict for one in _compare(y, margin=0.05)] == ["better", "worse", "equivalent", "better"]
    assert _compare(y)[2].verdict == "inconclusive"


def test_one_seed_has_differences_without_intervals() -> None:
    comparisons = _compare(_values(1))
    assert comparisons[0].difference == pytest.approx((_values(1)[1] - _values(1)[0])[0])
    assert all(math.isnan(value) for value in (comparisons[0].low, comparisons[0].high, comparisons[0].standard_error))
    assert {one.verdict for one in comparisons} == {"inconclusive"}


def test_equal_variants_count_once() -> None:
    y = _values(3)
    y[2] = y[1]
    merged = block_comparisons(y[[0, 1, 3]], [[-1, 1, 0], [-1, 1, 0], [-1, 0, 1]], 0.95)
    comparisons = _compare(y)
    assert [one.low for one in comparisons[:3]] == pytest.approx([one.low for one in merged])
    assert comparisons[3].difference == 0
    assert math.isnan(comparisons[3].low)
    (alone,) = block_comparisons(y[1:3], [[1, -1]], 0.95)
    assert (alone.difference, alone.verdict) == (0, "inconclusive")


def test_equal_differences_claim_no_certainty() -> None:
    y = np.array([0.7, 0.13, 0.57]) + np.array([[0.0], [0.1], [0.2], [0.3]])  # equal up to rounding
    comparisons = _compare(y, margin=0.5)
    assert comparisons[0].difference == pytest.approx(0.1)
    assert all(math.isnan(one.low) and one.verdict == "inconclusive" for one in comparisons)
    y[3] += [1e-6, 0, 0]
    assert not math.isnan(_compare(y)[0].low)


@pytest.mark.parametrize(
    ("values", "contrasts", "confidence", "margin", "message"),
    [
        ([[0.1, math.nan], [0.2, 0.3]], [[1, -1]], 0.95, None, "variant 0, seed 1 is nan"),
        ([0.1, 0.2], [[1, -1]], 0.95, None, r"values \(v, n\)"),
        ([[0.1], [0.2]], [[1, -1, 0]], 0.95, None, r"values \(v, n\)"),
        ([[], []], [[1, -1]], 0.95, None, r"values \(v, n\)"),
        ([[0.1], [0.2]], [[1, 0]], 0.95, None, "sum to 0"),
        ([[0.1], [0.2]], [[0, 0]], 0.95, None, "not all 0"),
        ([[0.1], [0.2]], [[1, -1]], 1.0, None, "confidence"),
        ([[0.1], [0.2]], [[1, -1]], 0.0, None, "confidence"),
        ([[0.1], [0.2]], [[1, -1]], 0.95, 0.0, "margin"),
    ],
)
def test_bad_input_is_refused(
    values: list[list[float]], contrasts: list[list[float]], confidence: float, margin: float | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        block_comparisons(values, contrasts, confidence, margin)
