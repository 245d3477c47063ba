"""A comparison in words: what stands above and below its table."""

import re
from collections.abc import Iterator
from typing import Any

from attnbench.compare.comparison import Comparison
from attnbench.compare.origins import Origin
from attnbench.compare.sides import SideRuns
from attnbench.errors import listed

_OF_A_VARIANT = ("code", "params")  # every variant has its own: a list of all would say no more than their number


def above(comparison: Comparison) -> Iterator[str]:
    """Yield the lines that say what is compared, and how the two sides were made."""
    pairs = comparison.pairs
    yield f"A: {_side(comparison.a)}"
    yield f"B: {_side(comparison.b)}"
    for name, alone in (("A", pairs.only_a), ("B", pairs.only_b)):
        if alone:
            yield f"In {name} alone, and left out: {', '.join(alone)}"
    yield ""
    if comparison.origins:
        yield "What the two sides were made from differs in:"
        yield from (f"  {_origin(origin, len(pairs.both))}" for origin in comparison.origins)
    else:
        yield "Both sides were made from the same data, code, params and environment."
    yield ""


def below(comparison: Comparison) -> Iterator[str]:
    """Yield the lines that say how to read the table, and how many runs are the same to the last bit."""
    (seeds,), variants = comparison.overall["n"], len(comparison.variants)
    equal, count = comparison.pairs.equal_checkpoints, len(comparison.pairs.both)
    yield ""
    yield "Differences are B minus A. The interval is that of the paired t test; each p is for its row alone."
    yield "All variants: runs of one seed share initialisation, order and augmentation, so they are not independent."
    yield "Differences are averaged over the variants within each seed first, and the interval is that of the seeds;"
    yield f"n is the number of seeds that have every variant in common ({seeds} with all {variants})."
    yield ""
    yield f"Checkpoints equal byte for byte: {equal} of {count} pairs."


def _side(side: SideRuns) -> str:
    commit = "" if side.commit is None else f" ({_short(side.commit)})"
    return f"{side.side.study} {side.side.where}{commit}, {len(side.runs)} runs"


def _origin(origin: Origin, count: int) -> str:
    if origin.field in _OF_A_VARIANT:
        return f"{origin.field}: in {origin.pairs} of {count} pairs"
    some = "" if origin.pairs == count else f" (in {origin.pairs} of {count} pairs)"
    return f"{origin.field}: A {_values(origin.a)}, B {_values(origin.b)}{some}"


def _values(values: list[Any]) -> str:
    texts = [_short(str(value)) for value in values]
    return texts[0] if len(texts) == 1 else f"several ({listed(texts)})"


def _short(text: str) -> str:
    """Return the first 12 digits of a hash, and any other text as it is."""
    return text[:12] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else text
