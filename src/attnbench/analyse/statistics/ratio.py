"""The ratio of two times that were measured alternately, in several processes.

With times x_kj and y_kj of round j in process k = 1..n, r_k = median over j of x_kj / y_kj and l_k = log r_k:

    exp(mean(l) +- t(n - 1, (1 + confidence) / 2) * std(l) / sqrt(n))

Times are compared within a round, so a slow second of the machine cancels out. The interval comes from the differences
between processes, since the rounds of one process share its layout of memory and would agree on a wrong ratio.
docs/decisions/017 has its coverage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from attnbench.analyse.statistics.single import mean_interval


@dataclass(frozen=True)
class TimeRatio:
    """The geometric mean of the ratios of all processes; the ends of its interval are NaN where it is unknown."""

    processes: int
    rounds: int  # in all processes together
    value: float
    low: float
    high: float


def time_ratio(times: Sequence[Sequence[float]], others: Sequence[Sequence[float]], confidence: float) -> TimeRatio:
    """Return the ratio `times / others`, both by process and round, with its interval.

    One process gives no interval, and neither do processes that all have the same ratio, as a variant to itself.

    Raises:
        ValueError: as in `process_logarithms`.
    """
    logs = process_logarithms(times, others)
    low, high = mean_interval(logs, confidence)
    return TimeRatio(
        len(logs), sum(map(len, times)), float(np.exp(np.mean(logs))), float(np.exp(low)), float(np.exp(high))
    )


def process_logarithms(times: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> list[float]:
    """Return l_k = log r_k of every process.

    Raises:
        ValueError: there is no process, or the two differ in processes or rounds, or a time is not positive.
    """
    if not times or [len(own) for own in times] != [len(own) for own in others] or not all(times):
        raise ValueError(
            f"a comparison needs the same processes and rounds, at least one; got {[len(own) for own in times]} and "
            f"{[len(own) for own in others]} rounds"
        )
    pairs = [np.array([x, y], dtype=np.float64) for x, y in zip(times, others, strict=True)]  # (2, rounds) each
    if not all((np.isfinite(pair) & (pair > 0)).all() for pair in pairs):
        raise ValueError("a time is positive and finite")
    return [float(np.log(np.median(x / y))) for x, y in pairs]
