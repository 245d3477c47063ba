"""The numbers that a reader who reads nothing else should have, as sentences."""

import math
from typing import Any

import pandas as pd

from attnbench.report.equal_cost import at_equal_cost
from attnbench.report.inputs import Inputs
from attnbench.report.tables import form
from attnbench.report.words import code, count, level, verb
from attnbench.study import attention


def abstract(inputs: Inputs) -> str:
    """Return the abstract: what was done, what came out, the largest difference, its price, what equal cost buys."""
    parts = [_setting, _baseline, verdicts, _largest, _price, at_equal_cost]
    return " ".join(filter(None, (part(inputs) for part in parts)))


def by_verdict(inputs: Inputs, verdict: str) -> list[str]:
    """Return the variants with a verdict, in the order of params.yaml."""
    frame = inputs.tables["differences"]
    return [str(name) for name in frame.loc[frame["verdict"] == verdict, "variant"]]


def verdicts(inputs: Inputs) -> str:
    """Return which variants are better, which worse, and which the seeds cannot tell from the baseline."""
    better, worse = by_verdict(inputs, "better"), by_verdict(inputs, "worse")
    unknown, seeds = by_verdict(inputs, "inconclusive"), len(inputs.study.seeds)
    if seeds == 1:
        return f"One seed gives differences without a spread, so nothing is decided about {code(unknown)}."
    parts = [
        f"{code(names)} {verb(len(names), 'is', 'are')} {word} than the baseline"
        for names, word in ((better, "better"), (worse, "worse"))
        if names
    ]
    if unknown:
        parts.append(f"for {code(unknown)} the {seeds} seeds cannot decide whether {_it(unknown)} better or worse")
    return f"{_tested(inputs)}, {'; '.join(parts)}."


def _it(names: list[str]) -> str:
    return verb(len(names), "it is", "they are")


def _tested(inputs: Inputs) -> str:
    confidence = level(inputs.study.confidence)
    comparisons = len(inputs.others)
    if comparisons == 1:
        return f"In a paired t test at a confidence of {confidence}"
    return f"In paired t tests with Holm's correction for {comparisons} comparisons, at a confidence of {confidence}"


def _setting(inputs: Inputs) -> str:
    study = inputs.study
    return (
        f"The baseline, `{study.baseline}`, and {count(len(inputs.others), 'other variant')} of the network "
        f"`{study.backbone.name}` were trained with {count(len(study.seeds), 'seed')} each, for "
        f"{count(study.recipe.epochs, 'epoch')}, and tested once, at the end, on "
        f"{count(inputs.data.test, 'test image')}."
    )


def _baseline(inputs: Inputs) -> str:
    row = inputs.row("accuracy", inputs.study.baseline)
    text = f"The baseline classifies {form.percent(row['mean'])} % of them correctly"
    if math.isnan(row["std"]):
        return f"{text} (one seed; the spread is unknown)."
    seeds = count(int(row["n"]), "seed")
    return f"{text} (mean of {seeds}; standard deviation {form.percent(row['std'])} percentage points)."


def largest(inputs: Inputs) -> "pd.Series[Any]":
    """Return the row of the largest difference to the baseline that a module makes, whatever its sign."""
    frame = inputs.tables["differences"]
    plain = [name for name, variant in inputs.study.variants.items() if variant.attention == attention.NONE]
    with_module = frame[~frame["variant"].isin(plain)]
    frame = frame if with_module.empty else with_module
    return frame.iloc[int(frame["mean"].abs().argmax())]


def _largest(inputs: Inputs) -> str:
    row = largest(inputs)
    text = f"{_the_largest(inputs)} that of `{row['variant']}`: {form.points(row['mean'])} percentage points"
    if math.isnan(row["low"]):
        return f"{text}."
    interval = f"{level(inputs.study.confidence)} interval {form.points(row['low'])} to {form.points(row['high'])}"
    return f"{text} ({interval}; {_judged(str(row['verdict']))})."


def _the_largest(inputs: Inputs) -> str:
    if len(inputs.others) == 1:
        return "The difference is"
    modules = [name for name in inputs.others if inputs.study.variants[name].attention != attention.NONE]
    of = " of a variant with a module" if 0 < len(modules) < len(inputs.others) else ""
    return f"The largest difference{of} is"


def _judged(verdict: str) -> str:
    return verdict if verdict == "inconclusive" else f"{verdict} than the baseline"


def _price(inputs: Inputs) -> str:
    variant = str(largest(inputs)["variant"])
    cost, base = inputs.row("cost", variant), inputs.row("cost", inputs.study.baseline)
    batch = inputs.study.latency.batch_sizes[0]
    row = inputs.row("latency", variant, batch_size=batch)
    return (
        f"`{variant}` has {form.integer(cost['parameters'])} parameters "
        f"({_change(cost['parameters'], base['parameters'])}) and takes {form.millions(cost['macs'])} million "
        f"multiply-adds per image ({_change(cost['macs'], base['macs'])}); inference of a batch of "
        f"{count(batch, 'image')} takes {form.ratio(row['ratio'])} times as long as the baseline's "
        f"({level(inputs.study.confidence)} interval {form.ratio(row['ratio_low'])} to "
        f"{form.ratio(row['ratio_high'])})."
    )


def _change(value: float, base: float) -> str:
    if value == base:
        return "as many as the baseline"
    return f"{form.signed_integer(value - base)} against the baseline, that is {form.points(value / base - 1)} %"
