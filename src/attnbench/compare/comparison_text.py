"""A comparison as the text that `attnbench compare` prints."""

import math
import re
from collections.abc import Iterator

import pandas as pd

from attnbench.compare.comparison import RunComparison
from attnbench.compare.paired_runs import InputDifference
from attnbench.compare.run_sets import RunSet
from attnbench.errors import listed
from attnbench.report import formatting
from attnbench.report.tables import column, markdown

_PER_VARIANT = ("code", "params")  # every variant has its own hash, so only the number of differing pairs is of use


def comparison_text(comparison: RunComparison) -> str:
    """Return the inputs of both sides, the table of accuracies, and how to read it."""
    rows = pd.concat([comparison.variants, comparison.overall])
    table = markdown(_table(rows, comparison.confidence))
    return "\n".join([*_inputs(comparison), "", table, "", *_reading(comparison), ""])


def _table(frame: pd.DataFrame, confidence: float) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "n": column(formatting.integer, frame, "n"),
            "A, %": column(formatting.percent, frame, "accuracy_a"),
            "B, %": column(formatting.percent, frame, "accuracy_b"),
            "B - A, points": column(formatting.points, frame, "difference"),
            f"{formatting.level(confidence)} interval": column(_interval, frame, "low", "high"),
            "p": column(formatting.probability, frame, "p"),
        }
    )


def _interval(low: float, high: float) -> str:
    return formatting.MISSING if math.isnan(low) else f"[{formatting.points(low)}, {formatting.points(high)}]"


def _inputs(comparison: RunComparison) -> Iterator[str]:
    paired = comparison.paired
    yield f"A: {_side(comparison.a)}"
    yield f"B: {_side(comparison.b)}"
    for side, runs in (("A", comparison.a), ("B", comparison.b)):
        if runs.leftover:
            yield f"No longer in the params.yaml of {side}, and left out: {', '.join(runs.leftover)}"
    for side, names in (("A", paired.only_a), ("B", paired.only_b)):
        if names:
            yield f"Only in {side}, and left out: {', '.join(names)}"
    yield ""
    if comparison.inputs:
        yield "The two sides were made from different inputs:"
        yield from (f"  {_difference(difference, len(paired.pairs))}" for difference in comparison.inputs)
    else:
        yield "Both sides were made from the same images, code, values in params.yaml and class of machine."


def _reading(comparison: RunComparison) -> Iterator[str]:
    equal, pairs = comparison.paired.equal_checkpoints, len(comparison.paired.pairs)
    yield "Differences are B minus A. Intervals are those of the paired t-test; each p is for its row only."
    yield "All variants: runs of one seed share initialisation, order and augmentation, so they are not independent."
    yield "Differences are averaged over the variants within each seed first, and the interval is over the seeds;"
    yield "its n is the number of seeds that have a pair of every variant."
    yield ""
    yield f"Checkpoints equal byte for byte: {equal} of {pairs} pairs."


def _side(side: RunSet) -> str:
    commit = "" if side.commit is None else f" ({_short(side.commit)})"
    return f"{side.source.study} {side.source}{commit}, {len(side.runs)} runs"


def _difference(difference: InputDifference, pairs: int) -> str:
    if difference.field in _PER_VARIANT:
        return f"{difference.name}: in {difference.pairs} of {pairs} pairs"
    some = "" if difference.pairs == pairs else f" (in {difference.pairs} of {pairs} pairs)"
    return f"{difference.name}: A {_values(difference.a)}, B {_values(difference.b)}{some}"


def _values(values: list[str]) -> str:
    return _short(values[0]) if len(values) == 1 else f"several ({listed([_short(value) for value in values])})"


def _short(text: str) -> str:
    """Return the first 12 digits of a hash, and any other text as it is."""
    return text[:12] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else text
