"""Statistics of a comparison: pure functions from numbers to numbers, independent of files and variants."""

from attnbench.analyse.statistics.blocks import (
    Comparison,
    block_comparisons,
    critical_value,
    degrees_of_freedom,
    error_mean_square,
    moderated_variances,
    pair_contrasts,
)
from attnbench.analyse.statistics.family import Verdict, holm, verdict
from attnbench.analyse.statistics.paired import PairedDifference, paired_difference
from attnbench.analyse.statistics.power import POWER, SEEDS_LIMIT, power, seeds_needed, smallest_detectable_difference
from attnbench.analyse.statistics.ratio import MedianRatio, median_ratio
from attnbench.analyse.statistics.single import MeanStd, binomial_standard_error, mean_std, prediction_interval

__all__ = [
    "POWER",
    "SEEDS_LIMIT",
    "Comparison",
    "MeanStd",
    "MedianRatio",
    "PairedDifference",
    "Verdict",
    "binomial_standard_error",
    "block_comparisons",
    "critical_value",
    "degrees_of_freedom",
    "error_mean_square",
    "holm",
    "mean_std",
    "median_ratio",
    "moderated_variances",
    "pair_contrasts",
    "paired_difference",
    "power",
    "prediction_interval",
    "seeds_needed",
    "smallest_detectable_difference",
    "verdict",
]
