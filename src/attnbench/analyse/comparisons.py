"""Every comparison of a study as one family: variants with the baseline, with their controls, and declared pairs."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from attnbench.analyse import other_images, statistics
from attnbench.analyse.accuracy import accuracies
from attnbench.records import RunRecord
from attnbench.study import Study

BASELINE, DECLARED = "baseline", "declared"
_COLUMNS = [
    *("variant", "reference", "kind", "n", "difference", "low", "high", "verdict"),
    *("low_images", "high_images", "verdict_images"),
    *("standard_error", "degrees_of_freedom", "image_share"),
]


@dataclass(frozen=True)
class ComparedPair:
    """Two variants, of which the first minus the second is reported."""

    variant: str
    reference: str
    kind: str  # `baseline`, `declared`, or what the reference controls for, such as `parameters latency`


def pairs(study: Study) -> list[ComparedPair]:
    """Return the baseline pairs, then controls, then declared pairs, in the order of params.yaml."""
    controls: dict[tuple[str, str], list[str]] = {}
    for variant, control in study.controls.items():
        for kind, name in control.model_dump(exclude_none=True).items():
            controls.setdefault((variant, name), []).append(kind)
    return [
        *(ComparedPair(name, study.baseline, BASELINE) for name in study.variants if name != study.baseline),
        *(ComparedPair(variant, control, " ".join(kinds)) for (variant, control), kinds in controls.items()),
        *(ComparedPair(first, second, DECLARED) for first, second in study.comparisons),
    ]


def contrasts(study: Study) -> NDArray[np.float64]:
    """Return the contrast of every pair (k, v), over all variants in the order of params.yaml."""
    return statistics.pair_contrasts(list(study.variants), [(pair.variant, pair.reference) for pair in pairs(study)])


def frames(study: Study, runs: list[RunRecord], correct: NDArray[np.bool_]) -> dict[str, pd.DataFrame]:
    """Return the two tables by name; `correct` (v, n, m) says which test images each run classified correctly."""
    return {
        "comparisons": comparisons_frame(study, runs, correct),
        "comparison_by_seed": comparison_by_seed_frame(study, runs),
    }


def comparisons_frame(study: Study, runs: list[RunRecord], correct: NDArray[np.bool_]) -> pd.DataFrame:
    """Return one row per pair: difference in accuracy, its simultaneous interval, and the verdict.

    All pairs are one family: at the study's confidence every interval covers the true difference. The verdict follows
    from the interval and the study's margin. Runs of all variants determine the error, see `statistics.blocks`.
    The columns `..._images` are for other seeds and other test images, the others for other seeds; `image_share` is the
    share of the images in the variance of the difference.
    """
    family = contrasts(study)
    comparisons = statistics.block_comparisons(
        list(accuracies(study, runs).values()),
        family,
        study.confidence,
        study.margin_share,
    )
    rows: list[dict[str, Any]] = [
        {**asdict(pair), "n": len(study.seeds), **asdict(comparison), **images}
        for pair, comparison, images in zip(
            pairs(study), comparisons, other_images.columns(study, correct, family, comparisons), strict=True
        )
    ]
    return pd.DataFrame(rows)[_COLUMNS]


def comparison_by_seed_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per pair and seed: variant minus reference of that seed."""
    accuracy = accuracies(study, runs)
    return pd.DataFrame(
        [
            {"variant": pair.variant, "reference": pair.reference, "seed": seed, "difference": own - other}
            for pair in pairs(study)
            for seed, own, other in zip(study.seeds, accuracy[pair.variant], accuracy[pair.reference], strict=True)
        ]
    )
