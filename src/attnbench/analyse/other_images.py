"""Whether the differences hold for other test images too, from the correctness of every image in every run."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from attnbench.analyse import statistics
from attnbench.analyse.statistics import Comparison
from attnbench.errors import UserError
from attnbench.records import DataSummary, RunRecord
from attnbench.records.correct import read_correct
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro


def load_correct(study: Study, paths: StudyPaths, runs: list[RunRecord], data: DataSummary) -> NDArray[np.bool_]:
    """Return whether each run classified each test image correctly, (v, n, m), variants and seeds as in the study.

    Raises:
        UserError: a file is missing, has not one bit for each image, or another accuracy than the record of its run.
    """
    return np.array([_bits(study, paths, run, data) for run in runs]).reshape(
        len(study.variants), len(study.seeds), data.test
    )


def _bits(study: Study, paths: StudyPaths, run: RunRecord, data: DataSummary) -> NDArray[np.bool_]:
    path = paths.correct(run.variant, run.seed)
    bits = read_correct(path, data.test)
    if abs(int(bits.sum()) - run.accuracy * data.test) > 0.5:
        stage = f"train@{run_name(run.variant, run.seed)}"
        raise UserError(
            f"{path} has {int(bits.sum())} correct of {data.test} test images, but the record of the run says "
            f"{run.accuracy:.2%}. Get both from one commit, or train the run again: {repro(study, [stage], force=True)}"
        )
    return bits


def columns(
    study: Study, correct: NDArray[np.bool_], contrasts: NDArray[np.float64], comparisons: list[Comparison]
) -> list[dict[str, Any]]:
    """Return for each comparison of the family the columns on other seeds and other test images.

    `image_share` is the share of the test images in the variance of the difference; it is empty with one seed, which
    does not tell runs from images. The other columns are as for other seeds alone.
    """
    rows = []
    for comparison, variance in zip(comparisons, statistics.image_variances(correct, contrasts).tolist(), strict=True):
        wider = statistics.for_other_images(comparison, variance, contrasts, study.confidence, study.margin_share)
        rows.append(
            {
                "image_share": variance / (comparison.standard_error**2 + variance),
                "low_images": wider.low,
                "high_images": wider.high,
                "verdict_images": wider.verdict,
            }
        )
    return rows
