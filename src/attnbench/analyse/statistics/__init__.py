"""Statistics of a comparison: pure functions from numbers to numbers, independent of files and variants."""

from attnbench.analyse.statistics.family import Verdict, holm, verdict
from attnbench.analyse.statistics.paired import PairedDifference, paired_difference
from attnbench.analyse.statistics.power import POWER, SEEDS_LIMIT, power, seeds_needed, smallest_detectable_difference
from attnbench.analyse.statistics.ratio import MedianRatio, median_ratio
from attnbench.analyse.statistics.single import MeanStd, binomial_standard_error, mean_std, prediction_interval

__all__ = [
    "POWER",
    "SEEDS_LIMIT",
    "MeanStd",
    "MedianRatio",
    "PairedDifference",
    "Verdict",
    "binomial_standard_error",
    "holm",
    "mean_std",
    "median_ratio",
    "paired_difference",
    "power",
    "prediction_interval",
    "seeds_needed",
    "smallest_detectable_difference",
    "verdict",
]
