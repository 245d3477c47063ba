"""Mean, standard deviation, prediction interval, and the standard error of one accuracy."""

import math

import pytest

from attnbench.analyse.statistics import binomial_standard_error, mean_interval, mean_std, prediction_interval


def test_mean_and_standard_deviation_of_three() -> None:
    sample = mean_std([1.0, 2.0, 6.0])
    assert (sample.n, sample.mean, sample.std) == (3, 3.0, pytest.approx(math.sqrt(7)))


def test_the_standard_deviation_of_one_value_is_unknown() -> None:
    sample = mean_std([0.7])
    assert (sample.n, sample.mean) == (1, 0.7)
    assert math.isnan(sample.std)


def test_values_that_are_equal_up_to_rounding_have_no_spread() -> None:
    assert mean_std([0.1, 0.1, 0.1]).std == 0.0  # np.std gives 1.7e-17
    assert mean_std([0.3, 0.1 + 0.2]).std == mean_std([-0.3, -0.1 - 0.2]).std == 0.0
    assert 0 < mean_std([0.001, 0.001 + 1e-15]).std < 1e-15


def test_no_value_and_an_infinite_one_are_refused() -> None:
    with pytest.raises(ValueError, match=r"at least one value; got shape \(0,\)"):
        mean_std([])
    with pytest.raises(ValueError, match=r"a mean needs finite values; got an infinite one"):
        mean_std([0.5, math.inf])


def test_binomial_standard_error() -> None:
    assert binomial_standard_error(0.5, 10_000) == pytest.approx(0.005)
    assert binomial_standard_error(1.0, 10) == 0.0


@pytest.mark.parametrize(("accuracy", "images"), [(1.1, 10), (-0.1, 10), (0.5, 0), (math.nan, 5)])
def test_the_standard_error_needs_an_accuracy_and_images(accuracy: float, images: int) -> None:
    with pytest.raises(ValueError, match=r"an accuracy lies in 0..1"):
        binomial_standard_error(accuracy, images)


def test_the_prediction_interval_by_hand() -> None:
    """Mean 3, standard deviation sqrt(7), n = 3, t(2; 0.975) = 4.30265: 3 +- 4.30265 * sqrt(7) * sqrt(4 / 3)."""
    low, high = prediction_interval([1.0, 2.0, 6.0], 0.95)
    assert (low, high) == (pytest.approx(-10.14482, abs=1e-5), pytest.approx(16.14482, abs=1e-5))


def test_the_prediction_interval_of_two_values_is_that_of_a_cauchy_variable() -> None:
    """Student's t with one degree of freedom has the quantile tan(pi * confidence / 2)."""
    low, high = prediction_interval([0.0, 2.0], 0.9)
    half = math.tan(math.pi * 0.9 / 2) * math.sqrt(2) * math.sqrt(1.5)
    assert (low, high) == (pytest.approx(1 - half), pytest.approx(1 + half))


@pytest.mark.parametrize("values", [[0.7], [0.1, 0.1, 0.1], [0.3, 0.1 + 0.2], [0.7, math.nan, 0.8]])
def test_intervals_of_equal_and_of_unknown_values_are_unknown(values: list[float]) -> None:
    assert all(map(math.isnan, prediction_interval(values, 0.95)))
    assert all(map(math.isnan, mean_interval(values, 0.95)))


def test_the_interval_of_the_mean_by_hand() -> None:
    """Mean 3, standard deviation sqrt(7), n = 3, t(2; 0.975) = 4.30265: 3 +- 4.30265 * sqrt(7) / sqrt(3)."""
    assert mean_interval([1.0, 2.0, 6.0], 0.95) == (pytest.approx(-3.57241, abs=1e-5), pytest.approx(9.57241, abs=1e-5))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, math.nan])
def test_the_prediction_interval_refuses_other_confidences(confidence: float) -> None:
    with pytest.raises(ValueError, match=r"a confidence lies between 0 and 1; got"):
        prediction_interval([1.0, 2.0], confidence)
