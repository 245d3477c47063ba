"""What the variants of two sides cost: counts, which are exact, and times, which hold for one class of machine."""

import math
from typing import Any

import pandas as pd

from attnbench.analyse import statistics
from attnbench.compare.run_sets import RunSet
from attnbench.records import LatencyRow

COUNTS = ["parameters", "macs", "pooling_operations", "elementwise_operations", "activation_bytes"]
TIMES = ["variant", "batch_size", "kind", "a_ms", "b_ms", "ratio", "relative", "low", "high", "verdict"]
_WORDS = {"better": "slower", "worse": "faster", "inconclusive": "inconclusive"}  # verdict on B / A -> on the time

_Rows = dict[tuple[str, int, str], LatencyRow]  # (variant, batch size, kind) -> times


def count_changes(a: RunSet, b: RunSet) -> pd.DataFrame:
    """Return one row per count that differs: variant, count, A, B. Variants without a record on a side are left out."""
    rows = [
        {"variant": variant, "count": count, "a": getattr(a.costs[variant], count), "b": getattr(cost, count)}
        for variant, cost in b.costs.items()
        if variant in a.costs
        for count in COUNTS
    ]
    return pd.DataFrame([row for row in rows if row["a"] != row["b"]], columns=["variant", "count", "a", "b"])


def time_ratios(a: RunSet, b: RunSet, confidence: float) -> pd.DataFrame | None:
    """Return one row per variant and batch size: median times in ms and their ratio, B to A; None if not comparable.

    Times are comparable if both were measured on one class of machine with as many cores. They were still measured at
    different times, and what slowed the whole machine at one of them is in `ratio`. `relative` is free of it: the
    variant's time over the baseline's, within rounds, in B over the same in A. Its simultaneous interval (Welch,
    Bonferroni) comes from the differences between the processes of a measurement, and `verdict` says whether the
    variant became `slower` or `faster` than the baseline, or is `inconclusive`. The baseline has none, and neither has
    a variant that was not measured in the same rounds as the baseline.
    """
    if not a.latency or not b.latency:
        return None
    if (a.latency.environment, a.latency.cores) != (b.latency.environment, b.latency.cores):
        return None
    before, after = _rows(a), _rows(b)
    shared = [key for key in after if key in before]
    changes = _relative_changes(shared, before, after, b.baseline, confidence)
    rows: list[dict[str, Any]] = []
    for key in shared:
        a_ms, b_ms = before[key].median_ms, after[key].median_ms
        times = {"a_ms": a_ms, "b_ms": b_ms, "ratio": b_ms / a_ms}
        rows.append({**dict(zip(TIMES, key, strict=False)), **times, **changes.get(key, {})})
    return pd.DataFrame(rows, columns=TIMES)


def _rows(side: RunSet) -> _Rows:
    latency = side.latency
    return {
        (row.variant, row.batch_size, kind): row
        for kind in ("inference", "training_step")
        for row in getattr(latency, kind)
    }


def _relative_changes(
    keys: list[tuple[str, int, str]], before: _Rows, after: _Rows, baseline: str | None, confidence: float
) -> dict[tuple[str, int, str], dict[str, Any]]:
    """Return the columns of `TIMES` about the ratio to the baseline, for the rows that have one; all are one family."""
    logarithms = {
        key: tuple(_to_baseline(rows, key, baseline) for rows in (after, before)) for key in keys if key[0] != baseline
    }
    known = {key: (of_b, of_a) for key, (of_b, of_a) in logarithms.items() if of_b and of_a}
    comparisons = statistics.unpaired_comparisons(list(known.values()), confidence) if known else []
    return {
        key: {
            "relative": math.exp(comparison.difference),
            "low": math.exp(comparison.low),
            "high": math.exp(comparison.high),
            "verdict": _WORDS[comparison.verdict],
        }
        for key, comparison in zip(known, comparisons, strict=True)
    }


def _to_baseline(rows: _Rows, key: tuple[str, int, str], baseline: str | None) -> list[float]:
    """Return the logarithms of the ratio to the baseline's time, by process; none if they do not share their rounds."""
    own, base = rows[key], rows.get((baseline or "", *key[1:]))
    if base is None or [len(times) for times in own.round_ms] != [len(times) for times in base.round_ms]:
        return []
    return statistics.process_logarithms(own.round_ms, base.round_ms)
