"""Statistics of a comparison: pure functions from numbers to numbers, independent of files and variants."""

from attnbench.analyse.statistics.blocks import (
    Comparison,
    block_comparisons,
    critical_value,
    degrees_of_freedom,
    error_mean_square,
    merged,
    moderated_variances,
    pair_contrasts,
)
from attnbench.analyse.statistics.changes import change_comparisons
from attnbench.analyse.statistics.diagnostics import (
    Additivity,
    Outlier,
    Spread,
    additivity,
    error_spread,
    largest_residual,
    left_out,
    seed_std,
    variance_ratios,
)
from attnbench.analyse.statistics.image_variance import for_other_images, image_variances
from attnbench.analyse.statistics.planning import MOST_SEEDS, expected_half_width, seeds_for, upper_limit
from attnbench.analyse.statistics.ratio import TimeRatio, process_logarithms, time_ratio
from attnbench.analyse.statistics.single import (
    MeanStd,
    binomial_standard_error,
    mean_interval,
    mean_std,
    prediction_interval,
)
from attnbench.analyse.statistics.unpaired import unpaired_comparisons

__all__ = [
    "MOST_SEEDS",
    "Additivity",
    "Comparison",
    "MeanStd",
    "Outlier",
    "Spread",
    "TimeRatio",
    "additivity",
    "binomial_standard_error",
    "block_comparisons",
    "change_comparisons",
    "critical_value",
    "degrees_of_freedom",
    "error_mean_square",
    "error_spread",
    "expected_half_width",
    "for_other_images",
    "image_variances",
    "largest_residual",
    "left_out",
    "mean_interval",
    "mean_std",
    "merged",
    "moderated_variances",
    "pair_contrasts",
    "prediction_interval",
    "process_logarithms",
    "seed_std",
    "seeds_for",
    "time_ratio",
    "unpaired_comparisons",
    "upper_limit",
    "variance_ratios",
]
