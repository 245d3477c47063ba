"""What the seeds of a study cannot decide, and what it would have taken."""

import math

import pandas as pd

from attnbench.report.abstract import by_verdict
from attnbench.report.inputs import Inputs
from attnbench.report.tables import form, markdown
from attnbench.report.tables.cells import each
from attnbench.report.words import code, count, level, verb


def undecided(inputs: Inputs) -> list[str]:
    """Return the paragraphs of the section, each of them Markdown."""
    frame = inputs.tables["differences"]
    frame = frame[frame["verdict"] == "inconclusive"]
    if frame.empty:
        return [_nothing(inputs)]
    if len(inputs.study.seeds) == 1:
        return [_one_seed(inputs)]
    spread, equal = frame[frame["std"] > 0], [str(name) for name in frame.loc[frame["std"] == 0, "variant"]]
    found = [_introduction(inputs), markdown(_table(spread))] if len(spread) else []
    return [*found, *([_without_spread(equal)] if equal else [])]


def excluding(inputs: Inputs) -> str | None:
    """Return a warning about intervals that exclude 0 although nothing is decided, or None where there is none."""
    frame = inputs.tables["differences"]
    frame = frame[(frame["verdict"] == "inconclusive") & ((frame["low"] > 0) | (frame["high"] < 0))]
    names = [str(name) for name in frame["variant"]]
    if not names:
        return None
    said = f"{verb(len(names), 'interval', 'intervals')} of {code(names)} {verb(len(names), 'excludes', 'exclude')} 0"
    return (
        f"The {said}, but an interval is that of one comparison. Among {len(inputs.others)} comparisons such an "
        "interval is less of a surprise, and after Holm's correction it decides nothing."
    )


def _nothing(inputs: Inputs) -> str:
    if len(inputs.others) == 1:
        return "Nothing: the one comparison is decided."
    return f"Nothing: all {len(inputs.others)} comparisons are decided."


def _one_seed(inputs: Inputs) -> str:
    names = by_verdict(inputs, "inconclusive")
    return (
        f"Everything: one seed gives {verb(len(names), 'the difference', 'the differences')} of {code(names)} to the "
        "baseline, and no spread to judge by. Two seeds are the fewest that give an interval."
    )


def _introduction(inputs: Inputs) -> str:
    comparisons, power = len(inputs.others), float(inputs.tables["differences"]["power"].iloc[0])
    alpha = level(1 - inputs.study.confidence)
    strict = (
        f"the level {alpha}" if comparisons == 1 else f"the level {alpha} / {comparisons}, the first of Holm's steps"
    )
    return (
        f"The smallest detectable difference is the true difference that {count(len(inputs.study.seeds), 'seed')} "
        f"would have shown with a probability of {level(power)}, at {strict}, given the spread of the "
        "differences that was seen. The seeds needed are those that would have shown the observed difference with that "
        "probability, were it and its spread the true ones. From so few seeds a spread is itself a rough estimate, and "
        "so are both figures."
    )


def _without_spread(names: list[str]) -> str:
    return (
        f"Every seed gave {code(names)} the same difference to the baseline"
        f"{verb(len(names), '', ', each its own')}: there is no spread to judge by, and so no interval."
    )


def _table(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Variant": frame["variant"],
            "Observed difference, points": each(form.points_with_interval, frame, "mean", "low", "high"),
            "Smallest detectable, points": each(form.percent, frame, "smallest_detectable"),
            "Seeds needed for the observed": each(_seeds, frame, "seeds_needed"),
        }
    )


def _seeds(needed: float) -> str:
    return "more than 10,000" if math.isnan(needed) else form.integer(needed)
