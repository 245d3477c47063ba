"""A comparison as a whole, and its numbers as JSON has them."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from attnbench.compare.differences import all_variants, by_variant
from attnbench.compare.origins import Origin, origins
from attnbench.compare.pairs import Pairs, paired
from attnbench.compare.sides import Side, SideRuns, read_side
from attnbench.errors import UserError


@dataclass(frozen=True)
class Comparison:
    """All that is said of two sides; the frames have the columns of `differences.COLUMNS`."""

    a: SideRuns
    b: SideRuns
    confidence: float
    pairs: Pairs
    origins: list[Origin]
    variants: pd.DataFrame  # a row each
    overall: pd.DataFrame  # one row

    def numbers(self) -> dict[str, Any]:
        """Return everything in full precision, accuracies as shares; null is what n cannot tell."""
        rows = {row.pop("variant"): _plain(row) for row in self.variants.to_dict("records")}
        (overall,) = self.overall.drop(columns="variant").to_dict("records")
        return {
            "a": _side(self.a),
            "b": _side(self.b),
            "confidence": self.confidence,
            "pairs": len(self.pairs.both),
            "equal_checkpoints": self.pairs.equal_checkpoints,
            "only_a": self.pairs.only_a,
            "only_b": self.pairs.only_b,
            "origins": {origin.pop("field"): origin for origin in map(asdict, self.origins)},
            "variants": rows,
            "all_variants": _plain(overall),
        }


def compare(side_a: Side, side_b: Side, root: Path, confidence: float) -> Comparison:
    """Read both sides and return their comparison, B minus A.

    Raises:
        UserError: the sides are one, a side cannot be read, they share no run, or the confidence is no share.
    """
    if not 0 < confidence < 1:
        raise UserError(f"--confidence: given {confidence:g}; must lie between 0 and 1, such as 0.95")
    if side_a == side_b:
        raise UserError(
            f"both sides are study {side_a.study!r} {side_a.where}; "
            f"name another study, or a commit of it, such as HEAD~1:{side_a.study}"
        )
    a, b = read_side(side_a, root), read_side(side_b, root)
    pairs = paired(a.runs, b.runs)
    return Comparison(
        a, b, confidence, pairs, origins(pairs), by_variant(pairs, confidence), all_variants(pairs, confidence)
    )


def _side(side: SideRuns) -> dict[str, Any]:
    return {**asdict(side.side), "commit": side.commit, "runs": len(side.runs)}


def _plain(row: dict[Any, Any]) -> dict[str, Any]:
    return {name: None if math.isnan(value) else value for name, value in row.items()}
