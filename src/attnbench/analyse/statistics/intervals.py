"""An interval that holds for any distribution."""

from collections.abc import Sequence

from scipy import stats


def median_interval(values: Sequence[float], confidence: float) -> tuple[float, float]:
    """Return an interval for the median from order statistics; NaN where there are too few values for the confidence.

    Source: Conover, Practical Nonparametric Statistics, 3rd edition, section 3.2.
    """
    interval = stats.quantile_test(values, p=0.5).confidence_interval(confidence)
    return float(interval.low), float(interval.high)
