"""Numbers and names as tables and sentences of the report print them.

A missing number (NaN) is printed as an en dash, which is not mistaken for a minus sign.
"""

import math
import re
from collections.abc import Sequence

MISSING = "\N{EN DASH}"


def percent(share: float, decimals: int = 2) -> str:
    """Return a share (0..1) in percent, without the sign %: 0.8543 -> `85.43`."""
    return _fixed(share * 100, decimals)


def points(share: float, decimals: int = 2) -> str:
    """Return a difference of two shares in percentage points, with its sign: 0.0123 -> `+1.23`."""
    return _fixed(share * 100, decimals, sign="+")


def plus_minus(mean: float, std: float) -> str:
    """Return mean and standard deviation of shares in percent: `85.43 ± 0.21`; without a spread only the mean."""
    return percent(mean) if math.isnan(std) else f"{percent(mean)} ± {percent(std)}"


def interval(low: float | None, high: float | None, margin: float | None = None) -> str:
    """Return the interval of a difference of shares in percentage points, `[+0.40, +2.06]`; empty without one.

    The ends are rounded outwards, and get more decimals where two would put an end on 0 or on the margin, or beyond:
    what is printed never contradicts the verdict.
    """
    if low is None or high is None or math.isnan(low):
        return ""
    *ends, decimals = _ends(100 * low, 100 * high, _limits(margin), 2)
    return "[{}, {}]".format(*(_fixed(end, decimals, sign="+") for end in ends))


def difference(mean: float, low: float | None, high: float | None, margin: float | None = None) -> str:
    """Return a difference of shares as `points` does, with as many decimals as its interval has: it lies inside."""
    if low is None or high is None or math.isnan(low):
        return points(mean)
    return points(mean, _ends(100 * low, 100 * high, _limits(margin), 2)[2])


def points_with_interval(mean: float, low: float | None, high: float | None, margin: float | None = None) -> str:
    """Return `+1.23 [+0.40, +2.06]` in percentage points; without an interval only the mean."""
    return f"{difference(mean, low, high, margin)} {interval(low, high, margin)}".rstrip()


def ratio(value: float, decimals: int = 3) -> str:
    """Return a ratio: `1.042`."""
    return _fixed(value, decimals)


def ratio_with_interval(value: float, low: float, high: float) -> str:
    """Return `1.042 [1.031, 1.055]`; without an interval only the ratio.

    The ends are rounded outwards, and all numbers get more decimals where three would put an end on 1.
    """
    if math.isnan(low):
        return ratio(value)
    *ends, decimals = _ends(low, high, [1.0], 3)
    return "{} [{}, {}]".format(*(ratio(number, decimals) for number in (value, *ends)))


def integer(value: float) -> str:
    """Return a count with thousands separators: `1,147,914`."""
    return MISSING if math.isnan(value) else f"{round(value):,}"


def millions(value: float) -> str:
    """Return a count in millions with three decimals: 10323200 -> `10.323 M`."""
    return f"{_fixed(value / 1e6, 3)} M"


def mebibytes(value: float) -> str:
    """Return bytes in MiB with two decimals."""
    return _fixed(value / 2**20, 2)


def significant(value: float) -> str:
    """Return a number with three significant digits and no exponent."""
    if math.isnan(value):
        return MISSING
    if value == 0:
        return "0"
    if math.isinf(value):
        return "\N{INFINITY}"
    rounded = float(f"{value:.3g}")  # first: 9.999 gains a digit before the point and loses one after it
    decimals = 2 - math.floor(math.log10(abs(rounded)))
    return f"{rounded:,.{max(0, decimals)}f}"


def verdict(word: str, margin: float | None) -> str:
    """Return a verdict with the margin (percentage points) that it depends on: `equivalent within 0.3`."""
    return f"equivalent within {setting(margin)}" if word == "equivalent" and margin else word


def _limits(margin: float | None) -> list[float]:
    """Return what decides a verdict, in percentage points: 0 and both ends of the margin."""
    points = 0.0 if margin is None else round(100 * margin, 9)  # 100 * 0.0055 is a little more than 0.55
    return [-points, 0.0, points]


def _ends(low: float, high: float, limits: Sequence[float], decimals: int) -> tuple[float, float, int]:
    """Return both ends rounded outwards, and the decimals, at least these, that keep each on its side of all limits."""
    for digits in range(decimals, 10):
        unit = 10**digits
        # rounded first: 100 * 0.0123 is a little more than 1.23
        ends = math.floor(round(low * unit, 4)) / unit, math.ceil(round(high * unit, 4)) / unit
        if all(
            _side(printed, limit) == _side(round(end, 9), limit)
            for printed, end in zip(ends, (low, high), strict=True)
            for limit in limits
        ):
            break
    return *ends, digits


def _side(value: float, limit: float) -> int:
    return (value > limit) - (value < limit)


def _fixed(value: float, decimals: int, sign: str = "") -> str:
    if math.isnan(value):
        return MISSING
    text = f"{value:{sign}.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text  # no -0.00


def corruption(name: str) -> str:
    """Return the name of a corruption in a table or a figure: `gaussian noise`, `JPEG`."""
    return "JPEG" if name == "jpeg" else name.replace("_", " ")


def setting(value: float) -> str:
    """Return a number as a person would type it: `0.003`, `0`, `64`."""
    return f"{value:g}"


def level(share: float) -> str:
    """Return a confidence, or another share that someone chose, in percent: `95 %`, `99.9 %`."""
    return f"{setting(round(share * 100, 6))} %"


def span(values: Sequence[float]) -> str:
    """Return the range of integers: `30`, or `30 to 40`."""
    low, high = integer(min(values)), integer(max(values))
    return low if low == high else f"{low} to {high}"


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 seed`, `3 seeds`, `1,000 test images`."""
    return f"{integer(number)} {agree(number, noun, plural or noun + 's')}"


def agree(number: int, singular: str, plural: str) -> str:
    """Return the form of a word that goes with `number` things: `is` or `are`."""
    return singular if number == 1 else plural


def listing(names: Sequence[str], word: str = "and") -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return f" {word} ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def code(names: Sequence[str], most: int = 8) -> str:
    """Return a list of names as code: "`se`, `eca` and `cbam`"; of more than `most`, only the first and a number."""
    return shortened([f"`{name}`" for name in names], most)


def shortened(texts: Sequence[str], most: int = 8) -> str:
    """Return a list; of more than `most` texts only the first ones, and how many others there are."""
    return listing([*texts[: most - 1], f"{len(texts) - most + 1} others"] if len(texts) > most else texts)


def plain(text: str) -> str:
    """Return user-supplied text on one line, with every character escaped that Markdown or GitHub would interpret."""
    return re.sub(r"([\\`*\[\]<>|#$&~]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", one_line(text))


def one_line(text: str) -> str:
    """Return text with single spaces for line breaks and spaces, and without characters that are not printed.

    The joiners stay: emoji and several scripts need them.
    """
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable() or sign in "\u200c\u200d")


# by name in the template
FILTERS = {
    function.__name__: function
    for function in (
        *(percent, points, points_with_interval, integer, ratio, significant),
        *(setting, level, span, count, agree, listing, shortened, code, plain, one_line),
    )
}
