"""One number as it is printed. Rounding happens here and nowhere else.

A missing number (NaN) is printed as an en dash, which no minus sign looks like.
"""

import math

MISSING = "\N{EN DASH}"


def percent(share: float, decimals: int = 2) -> str:
    """Return a share (0..1) in percent, without the sign %: 0.8543 -> `85.43`."""
    return _fixed(share * 100, decimals)


def points(share: float, decimals: int = 2) -> str:
    """Return a difference of two shares in percentage points, with its sign: 0.0123 -> `+1.23`."""
    return _signed(share * 100, decimals)


def plus_minus(mean: float, std: float) -> str:
    """Return mean and standard deviation of shares in percent: `85.43 ± 0.21`; without a spread the mean alone."""
    return percent(mean) if math.isnan(std) else f"{percent(mean)} ± {percent(std)}"


def points_with_interval(mean: float, low: float, high: float) -> str:
    """Return `+1.23 [+0.40, +2.06]` in percentage points; without an interval the mean alone."""
    return points(mean) if math.isnan(low) else f"{points(mean)} [{points(low)}, {points(high)}]"


def ratio(value: float) -> str:
    """Return a ratio with three decimals: `1.042`."""
    return _fixed(value, 3)


def ratio_with_interval(value: float, low: float, high: float) -> str:
    """Return `1.042 [1.031, 1.055]`; without an interval the ratio alone."""
    return ratio(value) if math.isnan(low) else f"{ratio(value)} [{ratio(low)}, {ratio(high)}]"


def integer(value: float) -> str:
    """Return a count with thousands separators: `1,147,914`."""
    return MISSING if math.isnan(value) else f"{round(value):,}"


def signed_integer(value: float) -> str:
    """Return a difference of counts: `+2,982`; no difference is `0`."""
    if math.isnan(value) or round(value) == 0:
        return integer(value)
    return f"{round(value):+,}"


def integer_with_difference(value: float, difference: float) -> str:
    """Return a count and its difference to the baseline's: `1,150,896 (+2,982)`; no difference is not printed."""
    return integer(value) if difference == 0 else f"{integer(value)} ({signed_integer(difference)})"


def millions(value: float) -> str:
    """Return a count in millions with three decimals: 10323200 -> `10.323`."""
    return _fixed(value / 1e6, 3)


def mebibytes(value: float) -> str:
    """Return bytes in MiB with two decimals."""
    return _fixed(value / 2**20, 2)


def significant(value: float) -> str:
    """Return a positive number with three significant digits and no exponent."""
    if math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    rounded = float(f"{value:.3g}")  # first, since 9.999 gets a digit before the point and loses one behind it
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}"


def probability(value: float) -> str:
    """Return a p value: three decimals, and `< 0.001` below."""
    if math.isnan(value):
        return MISSING
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _fixed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return MISSING
    text = f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text  # no -0.00


def _signed(value: float, decimals: int) -> str:
    if math.isnan(value):
        return MISSING
    text = f"{value:+.{decimals}f}"
    return text[1:] if float(text) == 0 else text
