"""Numbers and names as parts of a sentence."""

import re
from collections.abc import Sequence

from attnbench.report.tables import form


def listing(names: Sequence[str]) -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def code(names: Sequence[str]) -> str:
    """Return names as code, listed: "`se`, `eca` and `cbam`"."""
    return listing([f"`{name}`" for name in names])


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 seed`, `3 seeds`, `1,000 test images`."""
    return f"{form.integer(number)} {noun if number == 1 else plural or noun + 's'}"


def verb(number: int, singular: str, plural: str) -> str:
    """Return the form of a verb that goes with `number` things."""
    return singular if number == 1 else plural


def number(value: float) -> str:
    """Return a setting as a person would type it: `0.003`, `0`, `64`."""
    return f"{value:g}"


def plain(text: str) -> str:
    """Return a text in one line whose characters mean nothing to Markdown: titles and sentences from outside."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", " ".join(text.split()))


def level(confidence: float) -> str:
    """Return a confidence in percent: `95 %`, `99.9 %`."""
    return f"{number(round(confidence * 100, 6))} %"


FILTERS = {
    "code": code,
    "count": count,
    "level": level,
    "listing": listing,
    "number": number,
    "plain": plain,
    "verb": verb,
}
