"""Two sets of runs, paired by variant and seed: what they were made from, and how their accuracies differ.

Unlike `attnbench.analyse`, which refuses what does not belong to a study as it is now, this floor takes records as
they are: the runs of another commit or recipe are what it is for. So it says how the two sides were made.
"""

from attnbench.compare.comparison import Comparison, compare
from attnbench.compare.sides import parse_side

__all__ = ["Comparison", "compare", "parse_side"]
