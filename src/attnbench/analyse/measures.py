"""Measures of finished runs other than accuracy: means, and every comparison of the study by the rule of accuracies."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from attnbench.analyse import comparisons, statistics
from attnbench.study import Study

Values = Mapping[str, Mapping[str, Sequence[float]]]  # measure -> variant -> values, in the order of the seeds


def means_frame(values: Values) -> pd.DataFrame:
    """Return one row per measure and variant: mean and standard deviation over the seeds."""
    rows = []
    for measure, of_variants in values.items():
        for variant, by_seed in of_variants.items():
            test = statistics.mean_std(by_seed)
            rows.append({"measure": measure, "variant": variant, "mean": test.mean, "std": test.std})
    return pd.DataFrame(rows, columns=["measure", "variant", "mean", "std"])


def comparisons_frame(
    study: Study, values: Values, *, lower_is_better: Collection[str], shares: Collection[str]
) -> pd.DataFrame:
    """Return one row per measure and pair of the study: the difference, its simultaneous interval and the verdict.

    Each measure is a family of its own. In `lower_is_better` a lower value is better. The study's margin applies to the
    measures in `shares`, which are shares of the test images as accuracies are.
    """
    pairs, contrasts = comparisons.pairs(study), comparisons.contrasts(study)
    rows: list[dict[str, Any]] = []
    for measure, of_variants in values.items():
        sign = -1 if measure in lower_is_better else 1
        family = statistics.block_comparisons(
            sign * np.array([of_variants[variant] for variant in study.variants]),
            contrasts,
            study.confidence,
            study.margin_share if measure in shares else None,
        )
        for pair, comparison in zip(pairs, family, strict=True):
            ends = sign * comparison.low, sign * comparison.high
            rows.append(
                {
                    "measure": measure,
                    "variant": pair.variant,
                    "reference": pair.reference,
                    "kind": pair.kind,
                    "difference": sign * comparison.difference,
                    "low": min(ends),
                    "high": max(ends),
                    "verdict": comparison.verdict,
                }
            )
    return pd.DataFrame(rows)
