"""The comparison of two sides, B minus A, as values and as JSON."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench.compare.accuracy_differences import all_variants, by_variant
from attnbench.compare.paired_runs import InputDifference, PairedRuns, input_differences, pair_runs
from attnbench.compare.run_sets import RunSet, RunSource, read_runs
from attnbench.errors import UserError


@dataclass(frozen=True)
class RunComparison:
    """Everything that is printed about two sides; the frames have `accuracy_differences.COLUMNS`."""

    a: RunSet
    b: RunSet
    confidence: float
    paired: PairedRuns
    inputs: list[InputDifference]
    variants: pd.DataFrame  # one row per variant
    overall: pd.DataFrame  # one row

    def to_json(self) -> dict[str, Any]:
        """Return all numbers in full precision, accuracies as shares; null where n is too small for a number."""
        variants = {row.pop("variant"): _nan_to_none(row) for row in self.variants.to_dict("records")}
        (overall,) = self.overall.drop(columns="variant").to_dict("records")
        return {
            "a": _side(self.a),
            "b": _side(self.b),
            "confidence": self.confidence,
            "pairs": len(self.paired.pairs),
            "equal_checkpoints": self.paired.equal_checkpoints,
            "only_a": self.paired.only_a,
            "only_b": self.paired.only_b,
            "inputs": {
                difference.field: {"a": difference.a, "b": difference.b, "pairs": difference.pairs}
                for difference in self.inputs
            },
            "variants": variants,
            "all_variants": _nan_to_none(overall),
        }


def compare(a: RunSource, b: RunSource, root: Path, confidence: float) -> RunComparison:
    """Read the runs of both sides and compare them. `root` is the repository.

    Raises:
        UserError: both sides are the same, a side cannot be read, they have no run in common, or the confidence is
            not between 0 and 1.
    """
    if not 0 < confidence < 1:
        raise UserError(f"--confidence: given {confidence:g}; must lie between 0 and 1, such as 0.95")
    runs_a = read_runs(a, root)
    if a == b:
        raise UserError(
            f"both sides are study {a.study!r} {a}; name another study, or a commit of it, such as HEAD~1:{a.study}"
        )
    runs_b = read_runs(b, root)
    paired = pair_runs(runs_a.runs, runs_b.runs)
    return RunComparison(
        a=runs_a,
        b=runs_b,
        confidence=confidence,
        paired=paired,
        inputs=input_differences(paired),
        variants=by_variant(paired, confidence),
        overall=all_variants(paired, confidence),
    )


def _side(side: RunSet) -> dict[str, Any]:
    return {**asdict(side.source), "commit": side.commit, "runs": len(side.runs), "leftover": side.leftover}


def _nan_to_none(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}
