"""Variants with a module against wider networks of equal cost: how equal the costs are."""

from typing import Any

from attnbench.report.inputs import Inputs

MEASURES = {  # cost -> heading of its column
    "parameters": "Parameters",
    "macs": "MACs",
    "latency": "Latency",
    "training_step": "Training step",
}
WITHIN = 0.1  # relative: widths are integers, and timings vary by as much
COSTS = {"parameters": "parameters", "latency": "latency", "training_step": "training-step time"}


def pairs(inputs: Inputs) -> list[dict[str, Any]]:
    """Return the comparisons with wider networks, each with `ratios`: cost -> the wider network's to the variant's.

    `costs` are those that the wider network was built for, `unmatched` those of them that differ by more than `WITHIN`.
    Latency is that of the largest batch.
    """
    size = max(inputs.study.latency.batch_sizes)
    measures = {
        **{cost: {row["variant"]: row[cost] for row in inputs.rows("cost")} for cost in ("parameters", "macs")},
        "latency": {row["variant"]: row["ratio"] for row in inputs.rows("latency", batch_size=size)},
        "training_step": {row["variant"]: row["ratio"] for row in inputs.rows("training_step")},
    }
    rows = []
    for row in inputs.compared(*COSTS):
        ratios = {cost: of[row["reference"]] / of[row["variant"]] for cost, of in measures.items()}
        costs = row["kind"].split()
        unmatched = [COSTS[cost] for cost in costs if abs(ratios[cost] - 1) > WITHIN]
        rows.append(row | {"ratios": ratios, "costs": [COSTS[cost] for cost in costs], "unmatched": unmatched})
    return rows
