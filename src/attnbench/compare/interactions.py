"""Whether variants gain another amount over the baseline in B than in A: the declared interactions of two studies.

For accuracies y of a variant, (y - baseline) in B minus (y - baseline) in A. With z = y in B minus y in A, by variant
and seed, this is z of the variant minus z of the baseline: a pair of a randomised block design, with seeds as blocks
and variants as treatments, decided by the rule of `analyse` (`statistics.blocks`). Nothing is assumed about what a seed
does under both recipes: what it does to all variants of a study cancels within the study, and what it does to one
variant in both studies cancels in z. Without two common seeds, gains are compared unpaired (`statistics.unpaired`).
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attnbench.analyse import statistics
from attnbench.compare.accuracy_differences import ESTIMATE
from attnbench.compare.matched_runs import MatchedRuns, Runs, match_runs
from attnbench.compare.run_sets import RunSet
from attnbench.records import RunRecord

COLUMNS = ["variant", "n_a", "n_b", "gain_a", "gain_b", *ESTIMATE]
_DECIMALS = 12  # of a share: differences that are equal but for rounding are equal


@dataclass(frozen=True)
class Interactions:
    """The declared interactions of two studies, one family."""

    baseline: str
    table: pd.DataFrame  # `COLUMNS`, gains as shares: one row per declared variant that both sides have
    runs: MatchedRuns | None  # of the baseline and these variants; None if there are none
    missing: dict[str, list[str]]  # `A` and `B` -> declared variants without a run from a seed of the baseline


def interactions(a: RunSet, b: RunSet, confidence: float, margin: float | None = None) -> Interactions | None:
    """Return B minus A of the gains that the params.yaml of either side declares for the other; None without any."""
    declared = [*b.interactions.get(a.source.study, []), *a.interactions.get(b.source.study, [])]
    baseline = b.baseline
    if baseline is None or not declared or a.source.study == b.source.study:
        return None
    names = list(dict.fromkeys([baseline, *declared]))
    present = {side: _with_baseline(runs.runs, baseline) for side, runs in (("A", a), ("B", b))}
    missing = {side: [name for name in names if name not in variants] for side, variants in present.items()}
    shared = [name for name in names[1:] if name in present["A"] & present["B"]]
    if not shared:
        return Interactions(baseline, pd.DataFrame(columns=COLUMNS), None, missing)
    runs = match_runs(*([run for run in side.runs if run.variant in (baseline, *shared)] for side in (a, b)))
    return Interactions(baseline, _table(runs, baseline, shared, confidence, margin), runs, missing)


def _with_baseline(runs: Sequence[RunRecord], baseline: str) -> set[str]:
    """Return the variants that have a run from a seed of the baseline, and so a gain over it."""
    seeds = {run.seed for run in runs if run.variant == baseline}
    return {run.variant for run in runs if run.seed in seeds}


def _table(
    runs: MatchedRuns, baseline: str, variants: list[str], confidence: float, margin: float | None
) -> pd.DataFrame:
    gains_a, gains_b = ([_gains(side, name, baseline) for name in variants] for side in (runs.a, runs.b))
    if runs.paired:
        names = [baseline, *variants]
        a, b = (np.array([_accuracies(side, name) for name in names]) for side in (runs.a, runs.b))
        family = statistics.pair_contrasts(names, [(name, baseline) for name in variants])
        comparisons = statistics.block_comparisons((b - a).round(_DECIMALS), family, confidence, margin)
    else:
        comparisons = statistics.unpaired_comparisons(list(zip(gains_b, gains_a, strict=True)), confidence, margin)
    rows = [
        {
            "variant": name,
            "n_a": len(gain_a),
            "n_b": len(gain_b),
            "gain_a": gain_a.mean(),
            "gain_b": gain_b.mean(),
            **asdict(comparison),
        }
        for name, gain_a, gain_b, comparison in zip(variants, gains_a, gains_b, comparisons, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _gains(side: Runs, variant: str, baseline: str) -> NDArray[np.float64]:
    """Return the accuracy of a variant minus that of the baseline, for the seeds (n,) that have both."""
    seeds = sorted(side[variant].keys() & side[baseline].keys())
    gains = [side[variant][seed].accuracy - side[baseline][seed].accuracy for seed in seeds]
    return np.array(gains).round(_DECIMALS)


def _accuracies(side: Runs, variant: str) -> list[float]:
    return [run.accuracy for run in side[variant].values()]
