"""Whether the assumptions behind the intervals look right: reported, but no verdict depends on them.

With three to five seeds no test of an assumption has much power, so a choice of method that follows one is wrong more
often than a method that needs no choice. All functions take values (v, n), a row for each distinct variant and a column
for each seed, and return NaN where these determine nothing: with one seed, one variant, or no spread.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from attnbench.analyse.statistics.blocks import error_mean_square, merged, own_and_pooled

_ROUNDING = 1e-9  # relative; residuals below are rounding


@dataclass(frozen=True)
class Spread:
    """A standard deviation with its interval, in the unit of the values."""

    std: float
    low: float
    high: float


@dataclass(frozen=True)
class Additivity:
    """Tukey's test with one degree of freedom: whether differences between variants grow with the level of a seed."""

    f: float
    p: float


@dataclass(frozen=True)
class Outlier:
    """The run that fits variant plus seed worst."""

    runs: tuple[tuple[int, int], ...]  # variant and seed; several where two variants or seeds leave equal residuals
    studentised: float  # externally: by the spread of all other runs
    p: float  # that the largest of all v n runs deviates that much, by Bonferroni


def error_spread(values: NDArray[np.float64], confidence: float) -> Spread:
    """Return the standard deviation of a run that neither variant nor seed explains, with its chi-square interval."""
    df = _degrees_of_freedom(values)
    if not _varies(values):
        return Spread(np.nan, np.nan, np.nan)
    squares = df * error_mean_square(values)
    low, high = np.sqrt(squares / stats.chi2.ppf([(1 + confidence) / 2, (1 - confidence) / 2], df))
    return Spread(float(np.sqrt(squares / df)), float(low), float(high))


@dataclass(frozen=True)
class LeftOut:
    """The spread of a run without each of the variants; NaN where the others leave none."""

    stds: NDArray[np.float64]  # (v,)
    p: NDArray[np.float64]  # (v,) that one of v variants adds as much to the spread, by Bonferroni


def left_out(values: NDArray[np.float64]) -> LeftOut:
    """Return what `error_spread` is without each variant; values may have equal variants.

    p is that of the F test of what a variant adds to the squares against all others, with n - 1 and (v - 2)(n - 1)
    degrees of freedom; NaN for a variant with the runs of another one, which adds nothing.
    """
    distinct = _distinct(values)
    stds, p = np.full((2, len(values)), np.nan)
    for row in range(len(values)):
        others = _distinct(np.delete(values, row, axis=0))
        if not _varies(others):
            continue
        stds[row] = np.sqrt(error_mean_square(others))
        if df := _degrees_of_freedom(distinct) - _degrees_of_freedom(others):
            squares = _degrees_of_freedom(distinct) * error_mean_square(distinct)
            added = squares - _degrees_of_freedom(others) * error_mean_square(others)
            tail = stats.f.sf(added / df / error_mean_square(others), df, _degrees_of_freedom(others))
            p[row] = min(1.0, len(distinct) * float(tail))
    return LeftOut(stds, p)


def seed_std(values: NDArray[np.float64]) -> float:
    """Return the standard deviation that the variants of a seed share, from the mean squares; 0 if none shows."""
    if not _varies(values):
        return np.nan
    v = len(values)
    return float(np.sqrt(max(values.mean(axis=0).var(ddof=1) - error_mean_square(values) / v, 0)))


def additivity(values: NDArray[np.float64]) -> Additivity:
    """Return Tukey's F with 1 and (v - 1)(n - 1) - 1 degrees of freedom, and its p.

    F is infinite where the product of the effects explains all that is left, as one outlying run among equal ones.

    Source: Tukey, One degree of freedom for non-additivity, Biometrics 5 (1949).
    """
    df = _degrees_of_freedom(values)
    if df < 2 or not _varies(values):
        return Additivity(np.nan, np.nan)
    variants = values.mean(axis=1) - values.mean()  # (v,)
    seeds = values.mean(axis=0) - values.mean()  # (n,)
    scale = (variants**2).sum() * (seeds**2).sum()
    if scale <= (_ROUNDING * values.mean()) ** 4:  # no differences between variants or seeds that could interact
        return Additivity(np.nan, np.nan)
    product = float((variants @ values @ seeds) ** 2 / scale)
    rest = df * error_mean_square(values) - product
    f = float(product / (rest / (df - 1))) if rest > _ROUNDING * product else np.inf
    return Additivity(f, float(stats.f.sf(f, 1, df - 1)))


def largest_residual(values: NDArray[np.float64]) -> Outlier:
    """Return the run with the largest externally studentised residual, infinite if all other runs fit exactly."""
    df = _degrees_of_freedom(values)
    if df < 2 or not _varies(values):
        return Outlier((), np.nan, np.nan)
    residuals = np.abs(values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean())
    largest = residuals.max()
    share = df / values.size  # 1 - leverage, the same for every run
    others = (df * error_mean_square(values) - largest**2 / share) / (df - 1)
    studentised = float(largest / np.sqrt(others * share)) if others > _ROUNDING * largest**2 else np.inf
    runs = np.argwhere(residuals >= (1 - _ROUNDING) * largest)
    p = min(1.0, 2 * values.size * float(stats.t.sf(studentised, df - 1)))
    return Outlier(tuple((int(variant), int(seed)) for variant, seed in runs), studentised, p)


@dataclass(frozen=True)
class VarianceRatios:
    """Variances of a family of contrasts between seeds; NaN between equal variants."""

    pooled: float  # P / (2 MSE): above 1 where a noisy baseline is in every difference
    own: NDArray[np.float64]  # (k,) s2 / P
    p: NDArray[np.float64]  # (k,) that one of k contrasts has as large or as small a variance, by Bonferroni


def variance_ratios(values: NDArray[np.float64], contrasts: NDArray[np.float64]) -> VarianceRatios:
    """Compare the variances of a family of contrasts (k, v); values may have equal variants.

    p is that of the F test of a contrast against all that neither it nor a seed explains, with n - 1 and
    (v - 2)(n - 1) degrees of freedom; NaN with two variants, and for a contrast that is the same for every seed, as
    accuracies on few images sometimes are.
    """
    y, c = merged(values, contrasts)
    ratios, p = np.full((2, len(c)), np.nan)
    if not _varies(y):
        return VarianceRatios(np.nan, ratios, p)
    scale = np.sqrt((c**2).sum(axis=1) / 2)
    differs = scale > 0
    own, pooled = own_and_pooled(y, c[differs] / scale[differs, None])
    ratios[differs] = own / pooled
    df, rest_df = y.shape[1] - 1, _degrees_of_freedom(y) - (y.shape[1] - 1)
    if rest_df > 0:
        rest = np.maximum(_degrees_of_freedom(y) * error_mean_square(y) - df * own / 2, 0)
        with np.errstate(divide="ignore"):  # a contrast that explains everything
            f = own / 2 / (rest / rest_df)
        tails = np.minimum(stats.f.cdf(f, df, rest_df), stats.f.sf(f, df, rest_df))
        varies = own > (_ROUNDING * np.abs(y).max()) ** 2
        p[differs] = np.where(varies, np.minimum(1, 2 * len(own) * tails), np.nan)
    return VarianceRatios(float(pooled / (2 * error_mean_square(y))), ratios, p)


def _distinct(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return merged(values, np.eye(len(values)))[0]


def _degrees_of_freedom(values: NDArray[np.float64]) -> int:
    v, n = values.shape
    return int((v - 1) * (n - 1))


def _varies(values: NDArray[np.float64]) -> bool:
    """Return whether there is an error variance beyond rounding."""
    return _degrees_of_freedom(values) > 0 and error_mean_square(values) > (_ROUNDING * np.abs(values).max()) ** 2
