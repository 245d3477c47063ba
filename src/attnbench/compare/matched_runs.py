"""The runs of two sides that can be compared, and the inputs in which they differ."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from attnbench.errors import UserError
from attnbench.records import Difference, Environment, Identity, RunRecord
from attnbench.study import run_name

Runs = dict[str, dict[int, RunRecord]]  # variant -> seed -> run


@dataclass(frozen=True)
class MatchedRuns:
    """The runs of the variants that both sides have; variants and seeds are sorted."""

    a: Runs
    b: Runs
    paired: bool  # both sides have the same variants and seeds, and a seed of A is compared with itself in B
    only_a: list[str]  # runs of A that are left out
    only_b: list[str]

    @property
    def pairs(self) -> list[tuple[RunRecord, RunRecord]]:
        """Every run of A with the run of B that has its variant and seed; unpaired, with every run of its variant."""
        if self.paired:
            return [(run, self.b[variant][seed]) for variant in self.a for seed, run in self.a[variant].items()]
        return [pair for variant in self.a for pair in product(self.a[variant].values(), self.b[variant].values())]

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


def match_runs(runs_a: Iterable[RunRecord], runs_b: Iterable[RunRecord]) -> MatchedRuns:
    """Match the runs of two sides by variant, and by seed where the sides share seeds.

    A seed is a block: it is shared if both sides have its runs of every common variant. Runs are paired if they share
    two seeds, or a single one and neither side has a second. Otherwise all runs of the common variants are compared
    unpaired.

    Raises:
        UserError: the sides have no variant in common.
    """
    a, b = _by_variant(runs_a), _by_variant(runs_b)
    variants = sorted(a.keys() & b.keys())
    if not variants:
        raise UserError(
            f"the sides have no variant in common: A has {', '.join(a)}; B has {', '.join(b)}; name "
            "sides that share one, such as HEAD~1:STUDY and STUDY"
        )
    seeds = sorted(set.intersection(*(set(side[variant]) for side in (a, b) for variant in variants)))
    alone = all(len(side[variant]) == 1 for side in (a, b) for variant in variants)
    paired = len(seeds) > 1 or (len(seeds) == 1 and alone)
    matched_a, matched_b = (
        {
            variant: {seed: run for seed, run in sorted(side[variant].items()) if not paired or seed in seeds}
            for variant in variants
        }
        for side in (a, b)
    )
    return MatchedRuns(matched_a, matched_b, paired, _left_out(a, matched_a), _left_out(b, matched_b))


def input_differences(pairs: Sequence[tuple[RunRecord, RunRecord]]) -> list[InputDifference]:
    """Return the inputs in which the runs of at least one pair differ; values are those of the differing pairs."""
    differing: dict[str, list[Difference]] = {}
    for a, b in pairs:
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


def _by_variant(runs: Iterable[RunRecord]) -> Runs:
    variants: Runs = {}
    for run in runs:
        variants.setdefault(run.variant, {})[run.seed] = run
    return variants


def _left_out(runs: Runs, matched: Runs) -> list[str]:
    return [
        run_name(variant, seed)
        for variant in sorted(runs)
        for seed in sorted(runs[variant].keys() - matched.get(variant, {}).keys())
    ]
