"""Accuracy on corrupted images, and calibration."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from attnbench.analyse import measures
from attnbench.analyse.stage_outputs import read_evaluations
from attnbench.records import RobustnessRecord, RunRecord
from attnbench.records.robustness import CORRUPTIONS, SEVERITIES
from attnbench.study import Study, StudyPaths

# `corrupted` is the mean accuracy under all corruptions, `loss` how much lower that is than without corruption
_LOWER_IS_BETTER = ("loss", "ece", "brier", "nll")
_SHARES = ("corrupted", "loss")


def load_robustness(study: Study, paths: StudyPaths, runs: Sequence[RunRecord]) -> list[RobustnessRecord]:
    """Return the robustness of every run, in the order of the runs.

    Raises:
        UserError: a record is missing, is that of another run, or was made from other weights.
    """
    return read_evaluations(study, paths, "robustness", RobustnessRecord, paths.robust, runs)


def frames(study: Study, records: Sequence[RobustnessRecord]) -> dict[str, pd.DataFrame]:
    """Return the three tables by name.

    robustness              a row per measure and variant: mean and standard deviation over the seeds
    robustness_comparisons  a row per measure and pair of the study
    corruptions             a row per variant, corruption and severity: images, and mean accuracy over the seeds
    """
    groups = {variant: [record for record in records if record.variant == variant] for variant in study.variants}
    of_runs = {variant: [_measures(record) for record in group] for variant, group in groups.items()}
    values = {
        measure: {variant: [run[measure] for run in runs] for variant, runs in of_runs.items()}
        for measure in ("corrupted", *_LOWER_IS_BETTER)
    }
    return {
        "robustness": measures.means_frame(values),
        "robustness_comparisons": measures.comparisons_frame(
            study, values, lower_is_better=_LOWER_IS_BETTER, shares=_SHARES
        ),
        "corruptions": pd.concat([_corruptions(variant, group) for variant, group in groups.items()]),
    }


def _measures(record: RobustnessRecord) -> dict[str, float]:
    """Return the measures of a run; all corruptions and severities have equally many images, so the same weight."""
    corrupted = float(np.mean([getattr(record.corrupted, name) for name in CORRUPTIONS]))
    return {"corrupted": corrupted, "loss": record.accuracy - corrupted, **record.calibration.model_dump()}


def _corruptions(variant: str, group: Sequence[RobustnessRecord]) -> pd.DataFrame:
    images = group[0].images // SEVERITIES
    means = {name: np.mean([getattr(run.corrupted, name) for run in group], axis=0).tolist() for name in CORRUPTIONS}
    return pd.DataFrame(
        [
            {"variant": variant, "corruption": name, "severity": severity, "images": images, "mean": mean}
            for name, by_severity in means.items()
            for severity, mean in enumerate(by_severity, start=1)
        ]
    )
