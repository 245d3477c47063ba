"""The runs that two sides share: those of one variant and one seed."""

from dataclasses import dataclass

from attnbench.errors import UserError
from attnbench.records import RunRecord
from attnbench.study.paths import run_name


@dataclass(frozen=True)
class Pairs:
    """Pairs (run of A, run of B) by variant and seed, and the names of the runs that one side has alone."""

    both: list[tuple[RunRecord, RunRecord]]
    only_a: list[str]
    only_b: list[str]

    @property
    def equal_checkpoints(self) -> int:
        """How many pairs ended with the same weights, byte for byte."""
        return sum(a.checkpoint_sha256 == b.checkpoint_sha256 for a, b in self.both)


def paired(a: list[RunRecord], b: list[RunRecord]) -> Pairs:
    """Return the pairs, sorted by variant and seed.

    Raises:
        UserError: the sides share no run.
    """
    runs_a, runs_b = ({(run.variant, run.seed): run for run in side} for side in (a, b))
    both = sorted(runs_a.keys() & runs_b.keys())
    if not both:
        raise UserError(f"no run is on both sides: A has {_names(runs_a)}; B has {_names(runs_b)}")
    return Pairs(
        both=[(runs_a[key], runs_b[key]) for key in both],
        only_a=[run_name(*key) for key in sorted(runs_a.keys() - runs_b.keys())],
        only_b=[run_name(*key) for key in sorted(runs_b.keys() - runs_a.keys())],
    )


def _names(runs: dict[tuple[str, int], RunRecord]) -> str:
    return ", ".join(run_name(*key) for key in sorted(runs))
