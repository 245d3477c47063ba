"""The comparison of two sides, B minus A, as values and as JSON."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench.compare.accuracy_differences import ALL, accuracy_differences
from attnbench.compare.cost_differences import count_changes, time_ratios
from attnbench.compare.interactions import Interactions, interactions
from attnbench.compare.matched_runs import InputDifference, MatchedRuns, input_differences, match_runs
from attnbench.compare.run_sets import RunSet, RunSource, read_runs
from attnbench.errors import UserError


@dataclass(frozen=True)
class RunComparison:
    """Everything that is printed about two sides."""

    a: RunSet
    b: RunSet
    confidence: float
    margin: float | None  # share, 0..1
    runs: MatchedRuns
    inputs: list[InputDifference]
    accuracy: pd.DataFrame  # `accuracy_differences.COLUMNS`: one row per variant, and one over several
    interactions: Interactions | None  # None if neither side declares any for the other
    counts: pd.DataFrame  # those that differ
    times: pd.DataFrame | None  # None if they are not comparable

    @property
    def worse(self) -> list[str]:
        """The variants that are worse in B."""
        rows = self.accuracy[self.accuracy["verdict"] == "worse"]
        return [str(name) for name in rows["variant"] if name != ALL]

    def to_json(self) -> dict[str, Any]:
        """Return all numbers in full precision, accuracies as shares; null where n is too small for a number."""
        accuracy = {row.pop("variant"): _nan_to_none(row) for row in self.accuracy.to_dict("records")}
        return {
            "a": _side(self.a),
            "b": _side(self.b),
            "confidence": self.confidence,
            "margin": self.margin,
            "paired": self.runs.paired,
            "pairs": len(self.runs.pairs) if self.runs.paired else 0,
            "equal_checkpoints": self.runs.equal_checkpoints if self.runs.paired else None,
            "only_a": self.runs.only_a,
            "only_b": self.runs.only_b,
            "inputs": {
                difference.field: {"a": difference.a, "b": difference.b, "pairs": difference.pairs}
                for difference in self.inputs
            },
            "all_variants": accuracy.pop(ALL, None),
            "variants": accuracy,
            "interactions": None if self.interactions is None else _interactions(self.interactions),
            "counts": self.counts.to_dict("records"),
            "times": None if self.times is None else [_nan_to_none(row) for row in self.times.to_dict("records")],
        }


def compare(a: RunSource, b: RunSource, root: Path, confidence: float, margin: float | None = None) -> RunComparison:
    """Read the runs of both sides and compare them. `root` is the repository, `margin` in percentage points.

    Raises:
        UserError: both sides are the same, a side cannot be read, they have no variant in common, or the confidence or
            the margin is out of range.
    """
    if not 0 < confidence < 1:
        raise UserError(f"--confidence: given {confidence:g}; must lie between 0 and 1, such as 0.95")
    if margin is not None and not 0 < margin < 100:
        raise UserError(f"--margin: given {margin:g}; must lie between 0 and 100 percentage points, such as 0.5")
    runs_a = read_runs(a, root)
    if a == b:
        raise UserError(
            f"both sides are study {a.study!r} {a}; name another study, or a commit of it, such as HEAD~1:{a.study}"
        )
    runs_b = read_runs(b, root)
    share = None if margin is None else margin / 100
    runs = match_runs(runs_a.runs, runs_b.runs)
    return RunComparison(
        a=runs_a,
        b=runs_b,
        confidence=confidence,
        margin=share,
        runs=runs,
        inputs=input_differences(runs.pairs),
        accuracy=accuracy_differences(runs, confidence, share),
        interactions=interactions(runs_a, runs_b, confidence, share),
        counts=count_changes(runs_a, runs_b),
        times=time_ratios(runs_a, runs_b, confidence),
    )


def _side(side: RunSet) -> dict[str, Any]:
    return {**asdict(side.source), "commit": side.commit, "runs": len(side.runs), "leftover": side.leftover}


def _interactions(declared: Interactions) -> dict[str, Any]:
    runs = declared.runs
    return {
        "baseline": declared.baseline,
        "paired": runs.paired if runs else None,
        "missing": declared.missing,
        "only_a": runs.only_a if runs else [],
        "only_b": runs.only_b if runs else [],
        "variants": {row.pop("variant"): _nan_to_none(row) for row in declared.table.to_dict("records")},
    }


def _nan_to_none(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
