"""Numbers and names as they are printed."""

import math

import pytest

from attnbench.report import formatting

NAN = math.nan


@pytest.mark.parametrize(
    ("printed", "text"),
    [
        (formatting.percent(0.85434), "85.43"),
        (formatting.percent(NAN), formatting.MISSING),
        (formatting.percent(-1e-9), "0.00"),
        (formatting.points(0.01234), "+1.23"),
        (formatting.points(-0.01234), "-1.23"),
        (formatting.points(0.00001), "0.00"),
        (formatting.points(-0.00001), "0.00"),
        (formatting.points(NAN), formatting.MISSING),
        (formatting.plus_minus(0.8543, 0.0021), "85.43 ± 0.21"),
        (formatting.plus_minus(0.8543, NAN), "85.43"),
        (formatting.points_with_interval(0.0123, -0.004, 0.0286), "+1.23 [-0.40, +2.86]"),
        (formatting.points_with_interval(0.0123, NAN, NAN), "+1.23"),
        (formatting.points_with_interval(NAN, NAN, NAN), formatting.MISSING),
        (formatting.interval(NAN, NAN), ""),
        (formatting.interval(0.0123, 0.0456), "[+1.23, +4.56]"),
        (formatting.interval(-0.01236, 0.04564), "[-1.24, +4.57]"),  # outwards
        (formatting.interval(0.00003, 0.012), "[+0.003, +1.200]"),  # `better`, which [0.00, +1.20] would deny
        (formatting.interval(-0.012, -0.00003), "[-1.200, -0.003]"),
        (formatting.interval(0.0, 0.012), "[0.00, +1.20]"),
        (formatting.interval(-0.002, 0.00496, 0.005), "[-0.200, +0.496]"),  # equivalent within 0.5
        (formatting.interval(-0.00496, 0.002, 0.005), "[-0.496, +0.200]"),
        (formatting.interval(-0.002, 0.005004, 0.005), "[-0.20, +0.51]"),
        (formatting.points_with_interval(0.002, -0.002, 0.00496, 0.005), "+0.200 [-0.200, +0.496]"),
        (formatting.ratio_with_interval(1.0421, 1.031, 1.055), "1.042 [1.031, 1.055]"),
        (formatting.ratio_with_interval(1.0, NAN, NAN), "1.000"),
        (formatting.ratio_with_interval(1.01, 1.0002, 1.0204), "1.0100 [1.0002, 1.0204]"),  # slower: 1 is outside
        (formatting.ratio_with_interval(1.01, 0.9996, 1.0204), "1.010 [0.999, 1.021]"),  # outwards
        (formatting.integer(1147914), "1,147,914"),
        (formatting.integer(NAN), formatting.MISSING),
        (formatting.millions(10323200), "10.323 M"),
        (formatting.mebibytes(3 * 2**19), "1.50"),
        (formatting.significant(0.74216), "0.742"),
        (formatting.significant(12.345), "12.3"),
        (formatting.significant(9.999), "10.0"),
        (formatting.significant(1449.6), "1,450"),
        (formatting.significant(0), "0"),
        (formatting.significant(NAN), formatting.MISSING),
        (formatting.significant(math.inf), "∞"),
        (formatting.setting(0.003), "0.003"),
        (formatting.level(0.999), "99.9 %"),
        (formatting.span([48, 44, 46]), "44 to 48"),
        (formatting.span([30, 30]), "30"),
        (formatting.count(1, "class", "classes"), "1 class"),
        (formatting.count(1000, "test image"), "1,000 test images"),
        (formatting.code(["se", "eca", "cbam"]), "`se`, `eca` and `cbam`"),
        (formatting.code(["se", "eca", "cbam"], most=2), "`se` and 2 others"),
        (formatting.verdict("equivalent", 0.3), "equivalent within 0.3"),
        (formatting.verdict("better", 0.3), "better"),
        (formatting.plain("a *b*\n[c]"), "a \\*b\\* \\[c\\]"),
    ],
)
def test_printed(printed: str, text: str) -> None:
    assert printed == text
