"""What the variants of two sides cost: counts, which are exact, and times, which hold for one class of machine."""

from typing import Any

import pandas as pd

from attnbench.compare.run_sets import RunSet
from attnbench.records import LatencyRow

COUNTS = ["parameters", "macs", "pooling_operations", "elementwise_operations", "activation_bytes"]
TIMES = ["variant", "batch_size", "kind", "a_ms", "b_ms", "ratio"]


def count_changes(a: RunSet, b: RunSet) -> pd.DataFrame:
    """Return one row per count that differs: variant, count, A, B. Variants without a record on a side are left out."""
    rows = [
        {"variant": variant, "count": count, "a": getattr(a.costs[variant], count), "b": getattr(cost, count)}
        for variant, cost in b.costs.items()
        if variant in a.costs
        for count in COUNTS
    ]
    return pd.DataFrame([row for row in rows if row["a"] != row["b"]], columns=["variant", "count", "a", "b"])


def time_ratios(a: RunSet, b: RunSet) -> pd.DataFrame | None:
    """Return one row per variant and batch size: median times in ms and their ratio, B to A; None if not comparable.

    Times are comparable if both were measured on one class of machine with as many cores. They were still measured at
    different times, so a ratio within a few percent of 1 says nothing.
    """
    if not a.latency or not b.latency:
        return None
    if (a.latency.environment, a.latency.cores) != (b.latency.environment, b.latency.cores):
        return None
    rows: list[dict[str, Any]] = []
    for kind in ("inference", "training_step"):
        before, after = (_medians(getattr(side.latency, kind)) for side in (a, b))
        rows += [
            {"variant": key[0], "batch_size": key[1], "kind": kind, "a_ms": before[key], "b_ms": ms}
            for key, ms in after.items()
            if key in before
        ]
    return pd.DataFrame([{**row, "ratio": row["b_ms"] / row["a_ms"]} for row in rows], columns=TIMES)


def _medians(rows: list[LatencyRow]) -> dict[tuple[str, int], float]:
    return {(row.variant, row.batch_size): row.median_ms for row in rows}
