"""Runs of two sides, paired by variant and seed, and the inputs in which the runs of a pair differ."""

from collections.abc import Iterable
from dataclasses import dataclass

from attnbench.errors import UserError
from attnbench.records import Difference, Environment, Identity, RunRecord
from attnbench.study import run_name


@dataclass(frozen=True)
class PairedRuns:
    """Pairs (run of A, run of B), sorted by variant and seed, and the names of the runs that only one side has."""

    pairs: list[tuple[RunRecord, RunRecord]]
    only_a: list[str]
    only_b: list[str]

    @property
    def equal_checkpoints(self) -> int:
        """In how many pairs both runs ended with the same weights, byte for byte."""
        return sum(a.checkpoint_sha256 == b.checkpoint_sha256 for a, b in self.pairs)


@dataclass(frozen=True)
class InputDifference:
    """A field of `Identity` or `Environment` in which runs differ: both sides' values, and the number of such pairs."""

    field: str
    name: str  # in a sentence, such as "images"
    a: list[str]
    b: list[str]
    pairs: int


def pair_runs(runs_a: Iterable[RunRecord], runs_b: Iterable[RunRecord]) -> PairedRuns:
    """Pair the runs of two sides by variant and seed.

    Raises:
        UserError: the sides have no run in common.
    """
    a, b = ({(run.variant, run.seed): run for run in runs} for runs in (runs_a, runs_b))
    common = sorted(a.keys() & b.keys())
    if not common:
        raise UserError(f"the sides have no run in common: A has {', '.join(_names(a))}; B has {', '.join(_names(b))}")
    return PairedRuns([(a[key], b[key]) for key in common], _names(a.keys() - b.keys()), _names(b.keys() - a.keys()))


def input_differences(paired: PairedRuns) -> list[InputDifference]:
    """Return the inputs in which the runs of at least one pair differ; values are those of the differing pairs."""
    differing: dict[str, list[Difference]] = {}
    for a, b in paired.pairs:
        for difference in a.identity.differences(b.identity):
            differing.setdefault(difference.field, []).append(difference)
    return [
        InputDifference(
            field=field,
            name=differing[field][0].name,
            a=list(dict.fromkeys(difference.first for difference in differing[field])),
            b=list(dict.fromkeys(difference.second for difference in differing[field])),
            pairs=len(differing[field]),
        )
        for field in [*Identity.model_fields, *Environment.model_fields]
        if field in differing
    ]


def _names(keys: Iterable[tuple[str, int]]) -> list[str]:
    return [run_name(*key) for key in sorted(keys)]
