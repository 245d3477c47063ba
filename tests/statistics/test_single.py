"""Mean, spread, and the error of one accuracy."""

import math

import pytest

from attnbench.statistics import binomial_standard_error, spread


def test_spread_of_three() -> None:
    found = spread([1.0, 2.0, 6.0])
    assert (found.n, found.mean, found.std) == (3, 3.0, pytest.approx(math.sqrt(7)))


def test_spread_of_one_is_unknown() -> None:
    found = spread([0.7])
    assert (found.n, found.mean) == (1, 0.7)
    assert math.isnan(found.std)


def test_spread_of_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"at least one value; got shape \(0,\)"):
        spread([])


def test_binomial_standard_error() -> None:
    assert binomial_standard_error(0.5, 10_000) == pytest.approx(0.005)
    assert binomial_standard_error(1.0, 10) == 0.0


@pytest.mark.parametrize(("accuracy", "images"), [(1.1, 10), (-0.1, 10), (0.5, 0), (math.nan, 5)])
def test_no_accuracy_is_refused(accuracy: float, images: int) -> None:
    with pytest.raises(ValueError, match=r"an accuracy lies in 0..1"):
        binomial_standard_error(accuracy, images)
