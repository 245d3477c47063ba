"""Variants with a module against wider networks of the same cost: what came out, and whether the costs are the same."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from attnbench.report.inputs import Inputs
from attnbench.report.tables import form
from attnbench.report.words import count, level, listing

PARAMETERS_WITHIN = 0.01  # relative; an exact count can be met this closely
LATENCY_WITHIN = 0.1  # relative; widths are whole numbers, and a machine is no better than that
_VERDICTS = {"better": "is better than", "worse": "loses to", "inconclusive": "cannot be told from"}


def equal_cost(inputs: Inputs) -> list[str]:
    """Return one paragraph per pair, each of them Markdown; none where the study has no controls."""
    if not inputs.study.controls:
        return []
    return [f"{_outcome(inputs, row)} {_match(inputs, row)}" for _, row in inputs.tables["controls"].iterrows()]


def at_equal_cost(inputs: Inputs) -> str:
    """Return all outcomes in one sentence, for the abstract; an empty text where the study has no controls."""
    if not inputs.study.controls:
        return ""
    parts = []
    for verdict, words in _VERDICTS.items():
        frame = inputs.tables["controls"]
        for variant, own in frame[frame["verdict"] == verdict].groupby("variant", sort=False):
            controls = [f"`{row['control']}` ({listing(str(row['costs']).split())})" for _, row in own.iterrows()]
            parts.append(f"`{variant}` {words} {listing(controls)}")
    return (
        "Against wider networks without a module, each built for the cost in brackets (Results say how well the costs "
        f"match), {listing(parts)}."
    )


def _outcome(inputs: Inputs, row: "pd.Series[Any]") -> str:
    verdict, meant = str(row["verdict"]), listing(str(row["costs"]).split())
    difference = f"{form.points(row['mean'])} percentage points"
    if not math.isnan(row["low"]):
        interval = f"{form.points(row['low'])} to {form.points(row['high'])}"
        difference += f", {level(inputs.study.confidence)} interval {interval}, {_holm(row['p_holm'])}"
    return (
        f"With {count(len(inputs.study.seeds), 'seed')} `{row['variant']}` {_VERDICTS[verdict]} `{row['control']}`, "
        f"a wider network built for the same {meant}: {difference}.{_excluding(inputs, row)}"
    )


def _excluding(inputs: Inputs, row: "pd.Series[Any]") -> str:
    """Return why an interval that leaves out 0 decides nothing; an empty text where there is nothing to explain."""
    if row["verdict"] != "inconclusive" or not (row["low"] > 0 or row["high"] < 0):
        return ""
    comparisons = len(inputs.tables["controls"])
    return f" The interval leaves out 0, but is that of one comparison among {comparisons}, and decides nothing."


def _holm(p: float) -> str:
    text = form.probability(p)
    return f"p {text if text.startswith('<') else f'= {text}'} after Holm's correction"


def _match(inputs: Inputs, row: "pd.Series[Any]") -> str:
    """Return whether the costs that are meant to be equal are."""
    found: list[str] = []
    if "parameters" in str(row["costs"]):
        found.append(_parameters(inputs, row))
    if "latency" in str(row["costs"]):
        found += _latencies(inputs, row)
    return " ".join(found)


def _parameters(inputs: Inputs, row: "pd.Series[Any]") -> str:
    """Return the match in all parameters, and what each adds to the baseline's, which may be next to nothing."""
    ratio = row["parameters_ratio"]
    holds = "holds" if abs(ratio - 1) <= PARAMETERS_WITHIN else "does not hold"
    base = int(inputs.row("cost", inputs.study.baseline)["parameters"])
    module, wider = (int(inputs.row("cost", str(row[key]))["parameters"]) - base for key in ("variant", "control"))
    added = f"`{row['variant']}` adds {module:+,} to the baseline's {base:,}, `{row['control']}` {wider:+,}"
    if abs(wider) <= PARAMETERS_WITHIN * base:
        added += ", so that this control is hardly more than the baseline"
    return f"The match in parameters {holds}: `{row['control']}` has {form.ratio(ratio)} times as many ({added})."


def _latencies(inputs: Inputs, row: "pd.Series[Any]") -> Iterator[str]:
    frame = inputs.tables["control_latency"]
    own = frame[(frame["variant"] == row["variant"]) & (frame["control"] == row["control"])]
    for size, ratio, low, high in own[["batch_size", "ratio", "ratio_low", "ratio_high"]].itertuples(index=False):
        interval = (
            "no interval: the rounds were not kept"
            if math.isnan(low)
            else f"{level(inputs.study.confidence)} interval {form.ratio(low)} to {form.ratio(high)}"
        )
        yield (
            f"The match in latency at batch size {size} {_latency_match(low, high)}: "
            f"`{row['control']}` takes {form.ratio(ratio)} times as long ({interval})."
        )


def _latency_match(low: float, high: float) -> str:
    """Return what the interval of the ratio says of the match; an interval that lies across the limit says neither."""
    inside = low >= 1 - LATENCY_WITHIN and high <= 1 + LATENCY_WITHIN
    outside = high < 1 - LATENCY_WITHIN or low > 1 + LATENCY_WITHIN
    return "holds" if inside else "does not hold" if outside else "cannot be told"
