"""Numbers as they are printed."""

import math

import pytest

from attnbench.report.tables import form

NAN = math.nan


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (form.percent(0.85434), "85.43"),
        (form.percent(NAN), form.MISSING),
        (form.percent(-1e-9), "0.00"),
        (form.points(0.01234), "+1.23"),
        (form.points(-0.01234), "-1.23"),
        (form.points(0.00001), "0.00"),
        (form.points(-0.00001), "0.00"),
        (form.points(NAN), form.MISSING),
        (form.plus_minus(0.8543, 0.0021), "85.43 ± 0.21"),
        (form.plus_minus(0.8543, NAN), "85.43"),
        (form.points_with_interval(0.0123, -0.004, 0.0286), "+1.23 [-0.40, +2.86]"),
        (form.points_with_interval(0.0123, NAN, NAN), "+1.23"),
        (form.points_with_interval(NAN, NAN, NAN), form.MISSING),
        (form.ratio_with_interval(1.0421, 1.031, 1.055), "1.042 [1.031, 1.055]"),
        (form.ratio_with_interval(1.0, NAN, NAN), "1.000"),
        (form.integer(1147914), "1,147,914"),
        (form.integer(NAN), form.MISSING),
        (form.signed_integer(2982), "+2,982"),
        (form.signed_integer(-2982), "-2,982"),
        (form.signed_integer(0), "0"),
        (form.integer_with_difference(1150896, 2982), "1,150,896 (+2,982)"),
        (form.integer_with_difference(1147914, 0), "1,147,914"),
        (form.millions(10323200), "10.323"),
        (form.mebibytes(3 * 2**19), "1.50"),
        (form.significant(0.74216), "0.742"),
        (form.significant(12.345), "12.3"),
        (form.significant(9.999), "10.0"),
        (form.significant(1449.6), "1,450"),
        (form.significant(0), "0"),
        (form.significant(NAN), form.MISSING),
        (form.probability(0.0421), "0.042"),
        (form.probability(0.00042), "< 0.001"),
        (form.probability(1.0), "1.000"),
        (form.probability(NAN), form.MISSING),
    ],
)
def test_printed(printed: str, text: str) -> None:
    assert printed == text
