"""A comparison as the text that `attnbench compare` prints, and as Markdown for a pull request."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate

import pandas as pd

from attnbench.compare.accuracy_differences import ALL
from attnbench.compare.comparison import RunComparison
from attnbench.compare.interactions import Interactions
from attnbench.compare.matched_runs import InputDifference
from attnbench.compare.run_sets import RunSet
from attnbench.errors import first_few
from attnbench.report import formatting
from attnbench.report.tables import column, markdown

_LONGEST_PART = 12_000  # characters; GitHub refuses a comment of more than 65,536, and five parts grow
_MOST_NAMES = 20
_PER_VARIANT = ("code", "params")  # every variant has its own hash, so only the number of differing pairs is of use


def comparison_text(comparison: RunComparison) -> str:
    """Return the inputs of both sides, the tables of accuracies and gains, how to read them, and changes in cost."""
    parts = [
        "\n".join(_sides(comparison)),
        "\n".join(_inputs(comparison)),
        markdown(_accuracy_table(comparison, comparison.accuracy)),
        "\n".join(_reading(comparison)),
        *_interactions(comparison),
        *_cost(comparison),
    ]
    return "\n\n".join(parts) + "\n"


def pull_request_comment(comparison: RunComparison) -> str:
    """Return the comparison as Markdown of less than 65,000 characters.

    The first line is an HTML comment that names the study, by which a bot recognises its own comment. Long parts are
    cut; decided variants come first.
    """
    decided = comparison.accuracy["verdict"].isin(["worse", "better"]) | (comparison.accuracy["variant"] == ALL)
    ordered = pd.concat([comparison.accuracy[decided], comparison.accuracy[~decided]])
    details = [*_reading(comparison), "", *_sides(comparison), "", *_inputs(comparison)]
    parts = [
        marker(comparison.b.source.study),
        f"### `{comparison.b.source.study}`: accuracy of B minus A",
        _headline(comparison),
        _cut(markdown(_accuracy_table(comparison, ordered))),
        *(_cut(text) for text in _interactions(comparison)),
        *(_cut(text) for text in _cost(comparison)),
        "<details><summary>Sides, inputs, and how to read this</summary>",
        "\n".join(["```text", _cut("\n".join(details)), "```"]),
        "</details>",
    ]
    return "\n\n".join(parts) + "\n"


def marker(study: str) -> str:
    """Return the hidden first line of a study's comment."""
    return f"<!-- attnbench compare {study} -->"


def _headline(comparison: RunComparison) -> str:
    rows = comparison.accuracy[comparison.accuracy["variant"] != ALL]
    counts = [
        f"{formatting.count(int((rows['verdict'] == verdict).sum()), 'variant')} {verdict}"
        for verdict in dict.fromkeys(rows["verdict"])
    ]
    return f"{formatting.listing(counts)} in B."


def _cut(text: str) -> str:
    """Return the first lines of a text, at most `_LONGEST_PART` characters, and how many are left out."""
    lines = text.splitlines()
    ends = list(accumulate(len(line) + 1 for line in lines))
    kept = bisect_right(ends, _LONGEST_PART)
    return "\n".join([*lines[:kept], *([f"\n{len(lines) - kept} more lines"] if kept < len(lines) else [])])


def _accuracy_table(comparison: RunComparison, frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "n": _numbers(frame),
            "A, %": column(formatting.percent, frame, "accuracy_a"),
            "B, %": column(formatting.percent, frame, "accuracy_b"),
            **_differences(comparison, frame),
            "B is": frame["verdict"],
        }
    )


def _differences(comparison: RunComparison, frame: pd.DataFrame) -> dict[str, list[str]]:
    difference, interval = (partial(f, margin=comparison.margin) for f in (formatting.difference, formatting.interval))
    return {
        "B - A, points": column(difference, frame, "difference", "low", "high"),
        _level(comparison): [text or formatting.MISSING for text in column(interval, frame, "low", "high")],
    }


def _level(comparison: RunComparison) -> str:
    return f"{formatting.level(comparison.confidence)} interval"


def _interactions(comparison: RunComparison) -> Iterator[str]:
    """Yield the declared interactions, how to read them, and what is missing; nothing where none is declared."""
    declared = comparison.interactions
    if declared is None:
        return
    frame = declared.table
    if not frame.empty:
        table = pd.DataFrame(
            {
                "Variant": frame["variant"],
                "n": _numbers(frame),
                "Gain in A": column(formatting.points, frame, "gain_a"),
                "Gain in B": column(formatting.points, frame, "gain_b"),
                **_differences(comparison, frame),
                "Gain in B is": frame["verdict"],
            }
        )
        yield f"Interactions, gains over `{declared.baseline}` in B minus those in A:\n\n{markdown(table)}"
    yield "\n".join(_interactions_reading(declared))


def _interactions_reading(declared: Interactions) -> Iterator[str]:
    if declared.runs is None:
        yield f"No interaction can be estimated: no declared variant has a gain over `{declared.baseline}` in A and B."
    elif declared.runs.paired:
        yield "Interactions are declared in params.yaml and are a family of their own, with the same rule. What a seed"
        yield "does to all variants of a study, and what it does to one variant in both studies, cancels."
    else:
        yield "Interactions are declared in params.yaml and are a family of their own. They are unpaired: the sides do"
        yield "not share two seeds that have all these variants."
    for side, names in declared.missing.items():
        if names:
            shown = first_few(names, _MOST_NAMES)
            yield f"Declared, but {side} has no run of them and the baseline from one seed: {shown}"
    for side, names in (("A", declared.runs.only_a), ("B", declared.runs.only_b)) if declared.runs else ():
        if names:
            yield f"Runs of {side} without a counterpart, in no interaction: {first_few(names, _MOST_NAMES)}"


def _numbers(frame: pd.DataFrame) -> list[str]:
    """Return the numbers of runs of both sides, one number where they are equal."""
    return [str(a) if a == b else f"{a}, {b}" for a, b in zip(frame["n_a"], frame["n_b"], strict=True)]


def _cost(comparison: RunComparison) -> Iterator[str]:
    """Yield the tables of changed counts and of times, or why there is none."""
    counts, times = comparison.counts, comparison.times
    if counts.empty:
        yield "Parameters, operations and activation memory of the variants that both sides counted are equal."
    else:
        table = pd.DataFrame(
            {
                "Variant": counts["variant"],
                "Count": counts["count"].str.replace("_", " "),
                "A": column(formatting.integer, counts, "a"),
                "B": column(formatting.integer, counts, "b"),
            }
        )
        yield f"Counts that changed:\n\n{markdown(table)}"
    if times is None:
        yield "Times are not compared: they need a latency record of both sides, measured on one class of machine."
    elif comparison.a.latency == comparison.b.latency:
        yield "Times are the same record on both sides."
    else:
        table = pd.DataFrame(
            {
                "Variant": times["variant"],
                "Batch": column(formatting.integer, times, "batch_size"),
                "Time of": times["kind"].str.replace("_", " "),
                "A, ms": column(formatting.significant, times, "a_ms"),
                "B, ms": column(formatting.significant, times, "b_ms"),
                "B / A": column(formatting.ratio, times, "ratio"),
                f"B / A to the baseline, {_level(comparison)}": [
                    formatting.MISSING if pd.isna(row[0]) else formatting.ratio_with_interval(*row)
                    for row in times[["relative", "low", "high"]].itertuples(index=False, name=None)
                ],
                "B is": times["verdict"].fillna(formatting.MISSING),
            }
        )
        yield f"Times:\n\n{markdown(table)}"
        yield "\n".join(_times_reading(comparison.b.baseline))


def _times_reading(baseline: str | None) -> Iterator[str]:
    yield "The sides were measured apart: whatever slowed the whole machine during one measurement is in `B / A`."
    if baseline is not None:
        yield f"It cancels in the ratio to the time of `{baseline}`, which the last two columns compare. Intervals come"
        yield "from the differences between processes (Welch), and are simultaneous (Bonferroni)."


def _sides(comparison: RunComparison) -> Iterator[str]:
    yield f"A: {_side(comparison.a)}"
    yield f"B: {_side(comparison.b)}"
    for side, runs in (("A", comparison.a), ("B", comparison.b)):
        if runs.leftover:
            yield f"No longer in the params.yaml of {side}, and left out: {first_few(runs.leftover, _MOST_NAMES)}"
    for side, names in (("A", comparison.runs.only_a), ("B", comparison.runs.only_b)):
        if names:
            yield f"Runs of {side} that are left out: {first_few(names, _MOST_NAMES)}"


def _inputs(comparison: RunComparison) -> Iterator[str]:
    if comparison.inputs:
        yield "The two sides were made from different inputs:"
        yield from (f"  {_difference(one, len(comparison.runs.pairs))}" for one in comparison.inputs)
    else:
        yield "Both sides were made from the same images, code, values in params.yaml and class of machine."


def _reading(comparison: RunComparison) -> Iterator[str]:
    if comparison.runs.paired:
        yield "Differences are B minus A, paired by variant and seed. Seeds are blocks: intervals pool the spread"
        yield "of all variants of both sides (moderated block t), and are simultaneous at the stated confidence."
        if len(comparison.runs.a) > 1:
            yield "`all variants` stands alone: a paired t test of the means over the variants."
        yield "B is `identical` where all runs of a variant ended with the same weights."
        pairs = len(comparison.runs.pairs)
        yield f"Checkpoints equal byte for byte: {comparison.runs.equal_checkpoints} of {pairs} pairs."
    else:
        yield "Differences are B minus A, unpaired: the sides do not share two seeds that have all common variants,"
        yield "so the spread between seeds does not cancel. Intervals are Welch's, and are simultaneous (Bonferroni);"
        yield "`all variants` stands alone."


def _side(side: RunSet) -> str:
    commit = "" if side.commit is None else f" ({_short(side.commit)})"
    return f"{side.source.study} {side.source}{commit}, {len(side.runs)} runs"


def _difference(difference: InputDifference, pairs: int) -> str:
    if difference.field in _PER_VARIANT:
        return f"{difference.name}: in {difference.pairs} of {pairs} pairs"
    some = "" if difference.pairs == pairs else f" (in {difference.pairs} of {pairs} pairs)"
    return f"{difference.name}: A {_values(difference.a)}, B {_values(difference.b)}{some}"


def _values(values: Sequence[str]) -> str:
    if len(values) == 1:
        return _short(values[0])
    return f"several ({first_few([repr(_short(value)) for value in values], _MOST_NAMES)})"


def _short(text: str) -> str:
    """Return the first 12 digits of a hash, and any other text as it is."""
    return text[:12] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", text) else text
