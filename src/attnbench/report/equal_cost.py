"""Variants with a module against wider networks of equal cost: are the costs equal?"""

from typing import Any

from attnbench.report.inputs import Inputs, overruled
from attnbench.study import attention

PARAMETERS_WITHIN = 0.01  # relative; an exact count can be met this closely
LATENCY_WITHIN = 0.1  # relative; widths are integers, and timings vary by as much


def pairs(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the rows of the table of controls that are wider networks, each with how well its costs match."""
    parameters = {row["variant"]: row["parameters"] for row in inputs.rows("cost")}
    base = parameters[inputs.study.baseline]
    return [
        row
        | {
            "costs": row["kind"].split(),
            "overruled": overruled(row),
            "parameters_match": abs(row["parameters_ratio"] - 1) <= PARAMETERS_WITHIN,
            "variant_adds": parameters[row["variant"]] - base,
            "control_adds": parameters[row["control"]] - base,
            "control_is_baseline": abs(parameters[row["control"]] - base) <= PARAMETERS_WITHIN * base,
            "latency": [
                ratio | {"match": latency_match(ratio["ratio_low"], ratio["ratio_high"])}
                for ratio in inputs.rows("control_latency", variant=row["variant"], control=row["control"])
            ],
        }
        for row in inputs.rows("controls")
        if row["kind"] not in attention.NULL_CONTROLS
    ]


def latency_match(low: float | None, high: float | None) -> str:
    """Return what the interval of the ratio says about the match; one that contains a limit decides nothing."""
    if low is None or high is None:
        return "is inconclusive"
    if low >= 1 - LATENCY_WITHIN and high <= 1 + LATENCY_WITHIN:
        return "holds"
    return "does not hold" if high < 1 - LATENCY_WITHIN or low > 1 + LATENCY_WITHIN else "is inconclusive"
