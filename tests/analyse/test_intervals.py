"""The interval for a median."""

import math
import random
from math import comb

from attnbench.analyse.statistics.intervals import median_interval


def test_the_interval_is_made_of_order_statistics() -> None:
    values = [float(value) for value in random.Random(0).sample(range(1, 31), 30)]  # 1..30, shuffled
    assert median_interval(values, 0.95) == (10.0, 21.0)
    assert sum(comb(30, k) for k in range(10, 21)) / 2**30 >= 0.95 > sum(comb(30, k) for k in range(11, 20)) / 2**30


def test_too_few_values_give_no_interval() -> None:
    assert math.isnan(median_interval([1.0, 2.0], 0.95)[0])
