"""Statistics of a comparison: pure functions from numbers to numbers, which know no file and no variant."""

from attnbench.analyse.statistics.family import Verdict, holm, verdict
from attnbench.analyse.statistics.paired import PairedDifference, paired_difference
from attnbench.analyse.statistics.power import POWER, SEEDS_LIMIT, power, seeds_needed, smallest_detectable_difference
from attnbench.analyse.statistics.ratio import MedianRatio, median_ratio
from attnbench.analyse.statistics.single import Spread, binomial_standard_error, prediction_interval, spread

__all__ = [
    "POWER",
    "SEEDS_LIMIT",
    "MedianRatio",
    "PairedDifference",
    "Spread",
    "Verdict",
    "binomial_standard_error",
    "holm",
    "median_ratio",
    "paired_difference",
    "power",
    "prediction_interval",
    "seeds_needed",
    "smallest_detectable_difference",
    "spread",
    "verdict",
]
