"""How precise the differences of a study are, what more seeds would give, and how its assumptions look."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attnbench.analyse import statistics
from attnbench.analyse.accuracy import accuracies
from attnbench.analyse.comparisons import contrasts, pairs
from attnbench.records import RunRecord
from attnbench.study import Study, run_name

HALF_WIDTHS = (0.01, 0.005, 0.003)  # of interest to nearly every study: 1.0, 0.5 and 0.3 percentage points
UPPER_CONFIDENCE = 0.8  # of the upper limit of the spread


def half_widths(study: Study) -> list[float]:
    """Return the half-widths worth planning for, widest first: the usual ones, and the margin of the study."""
    margin = [] if study.margin_share is None else [study.margin_share]
    return sorted({*HALF_WIDTHS, *margin}, reverse=True)


def error_stds(study: Study, runs: list[RunRecord]) -> tuple[float, float]:
    """Return the standard deviation of a run that neither variant nor seed explains, and its upper limit, as shares.

    The limit has the confidence `UPPER_CONFIDENCE`. NaN with one seed, or where nothing varies.
    """
    values = _distinct(study, runs)
    std = statistics.error_spread(values, study.confidence).std
    return std, statistics.upper_limit(std, (len(values) - 1) * (len(study.seeds) - 1), UPPER_CONFIDENCE)


def precision_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return what these seeds give, and what more would: `seeds` give intervals with a `half_width`.

    The first row of each `spread` is for the seeds of the study, the others are for the half-widths to plan for; an
    empty number of seeds is above `statistics.MOST_SEEDS`. The spread is `observed`, or `upper` for the upper limit;
    `error_std` is its value. There are no rows where it cannot be estimated.
    """
    _, family = statistics.merged(_values(study, runs), contrasts(study))
    family = family[family.any(axis=1)]  # variants with equal runs are one, as in the intervals
    seeds = len(study.seeds)
    rows: list[dict[str, Any]] = []
    for spread, std in zip(("observed", "upper"), error_stds(study, runs), strict=True):
        if std > 0:
            expected = statistics.expected_half_width(family, seeds, std, study.confidence)
            rows.append({"spread": spread, "error_std": std, "seeds": seeds, "half_width": expected})
            for half_width in half_widths(study):
                needed = statistics.seeds_for(half_width, family, std, study.confidence)
                rows.append({"spread": spread, "error_std": std, "seeds": needed, "half_width": half_width})
    return pd.DataFrame(rows, columns=["spread", "error_std", "seeds", "half_width"]).astype({"seeds": "Int64"})


def diagnostics_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per quantity, on which no verdict depends; see `statistics.diagnostics`.

    `error_std` and `seed_std` are shares like accuracies, `error_std` with its interval. `error_std_without` is it
    without the variant in `of`, with the p of the F test of what this adds. `additivity` is Tukey's F.
    `pooled_variance` is P / (2 MSE), above 1 where a noisy baseline is in the differences. `own_variance` is s2 / P of
    the comparison that `of` names, with the p of its F test. `largest_residual` is studentised, and `of` names its run,
    or several where two variants or two seeds leave equal residuals. Numbers are empty where the runs determine none.
    """
    variants, values, distinct = list(study.variants), _values(study, runs), _distinct(study, runs)
    spread, test = statistics.error_spread(distinct, study.confidence), statistics.additivity(distinct)
    ratios, without = statistics.variance_ratios(values, contrasts(study)), statistics.left_out(values)
    outlier = statistics.largest_residual(values)
    outlying = " ".join(run_name(variants[variant], study.seeds[seed]) for variant, seed in outlier.runs)
    rows: list[dict[str, Any]] = [
        {"quantity": "error_std", "value": spread.std, "low": spread.low, "high": spread.high},
        *(
            {"quantity": "error_std_without", "of": variant, "value": std, "p": p}
            for variant, std, p in zip(variants, without.stds.tolist(), without.p.tolist(), strict=True)
        ),
        {"quantity": "seed_std", "value": statistics.seed_std(distinct)},
        {"quantity": "additivity", "value": test.f, "p": test.p},
        {"quantity": "pooled_variance", "value": ratios.pooled},
        *(
            {"quantity": "own_variance", "of": f"{pair.variant} - {pair.reference}", "value": own, "p": p}
            for pair, own, p in zip(pairs(study), ratios.own.tolist(), ratios.p.tolist(), strict=True)
        ),
        {"quantity": "largest_residual", "of": outlying, "value": outlier.studentised, "p": outlier.p},
    ]
    return pd.DataFrame(rows, columns=["quantity", "of", "value", "low", "high", "p"])


def _values(study: Study, runs: list[RunRecord]) -> NDArray[np.float64]:
    return np.array(list(accuracies(study, runs).values()))  # (v, n)


def _distinct(study: Study, runs: list[RunRecord]) -> NDArray[np.float64]:
    """Return the accuracies without those of variants with equal runs, which are one observation."""
    return statistics.merged(_values(study, runs), np.eye(len(study.variants)))[0]
