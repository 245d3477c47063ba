"""Simulated studies without a difference, or with one, and what seven ways to decide say about them.

Functions are vectorised over R simulated studies: values are (R, v, n), v variants with the baseline first, n seeds. A
method returns (R, v - 1): 1 where it calls a variant better than the baseline, -1 where worse, 0 where it does not.
`tests/analyse/test_simulations.py` writes the tables of docs/statistics.md.
"""

from collections.abc import Callable
from functools import cache, lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from attnbench.analyse.statistics import (
    block_comparisons,
    critical_value,
    degrees_of_freedom,
    error_mean_square,
    for_other_images,
    image_variances,
    moderated_variances,
    pair_contrasts,
)

CONFIDENCE = 0.95
STUDIES = 10_000  # simulated in a cell; 5 % is then right to 0.4 points
STUDIES_WITH_IMAGES = 2000
IMAGES = 1000
RESAMPLES = 1000
Array = NDArray[np.float64]
Method = Callable[[Array], Array]


def normal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_normal(shape)


def noisy_baseline(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return _scaled(rng, shape, baseline=2.0)


def quiet_baseline(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return _scaled(rng, shape, baseline=0.5)


def noisy_variant(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return _scaled(rng, shape, variant=3.0)


def lognormal(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """Every variant has its own spread: the logarithm of its standard deviation has one of 0.5."""
    return rng.standard_normal(shape) * np.exp(0.5 * rng.standard_normal((*shape[:2], 1)))


def heavy_tails(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    return rng.standard_t(4, shape) / np.sqrt(2)


def failed_run(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """One run of each study is 5 standard deviations too low."""
    noise = rng.standard_normal(shape)
    repeats, v, n = shape
    noise[np.arange(repeats), rng.integers(v, size=repeats), rng.integers(n, size=repeats)] -= 5
    return noise


def correlated(rng: np.random.Generator, shape: tuple[int, int, int]) -> Array:
    """The first half of the modules react alike to a seed: correlation 0.5, none with the baseline."""
    noise, shared = rng.standard_normal(shape), rng.standard_normal((shape[0], 1, shape[2]))
    alike = slice(1, 1 + shape[1] // 2)
    noise[:, alike] = (noise[:, alike] + shared) / np.sqrt(2)
    return noise


def _scaled(
    rng: np.random.Generator, shape: tuple[int, int, int], baseline: float = 1.0, variant: float = 1.0
) -> Array:
    noise = rng.standard_normal(shape)
    noise[:, 0] *= baseline
    noise[:, 1] *= variant
    return noise


NOISE = {
    "normal": normal,
    "baseline 2x": noisy_baseline,
    "baseline 0.5x": quiet_baseline,
    "one variant 3x": noisy_variant,
    "lognormal 0.5": lognormal,
    "t, 4 degrees": heavy_tails,
    "a failed run": failed_run,
    "correlated": correlated,
}


def rule(values: Array) -> Array:
    """The project's own functions."""
    _, v, n = values.shape
    contrasts = to_baseline(v)
    means = (contrasts @ values).mean(axis=-1)
    half = critical_value(contrasts, degrees_of_freedom(v, n), CONFIDENCE) * np.sqrt(
        moderated_variances(values, contrasts) / n
    )
    return np.sign(means) * (np.abs(means) > half)


def pooled_dunnett(values: Array) -> Array:
    """Two-way analysis of variance: every difference has the variance 2 MSE."""
    _, v, n = values.shape
    crit = critical_value(to_baseline(v), (v - 1) * (n - 1), CONFIDENCE)
    means = (to_baseline(v) @ values).mean(axis=-1)
    return np.sign(means) * (np.abs(means) > crit * np.sqrt(2 * error_mean_square(values) / n)[:, None])


def scipy_dunnett(values: Array) -> Array:
    """`scipy.stats.dunnett`, for groups that share no seeds; the test compares it with scipy's own p values."""
    _, v, n = values.shape
    crit = critical_value(to_baseline(v), v * (n - 1), CONFIDENCE)
    means = (to_baseline(v) @ values).mean(axis=-1)
    variance = values.var(axis=-1, ddof=1).mean(axis=-1)
    return np.sign(means) * (np.abs(means) > crit * np.sqrt(2 * variance / n)[:, None])


def paired_t(values: Array) -> Array:
    """Every comparison alone."""
    means, variances = _means_and_variances(values)
    n = values.shape[-1]
    return np.sign(means) * (np.abs(means) / np.sqrt(variances / n) > stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))


def paired_t_holm(values: Array) -> Array:
    means, variances = _means_and_variances(values)
    n = values.shape[-1]
    return _holm(means, 2 * stats.t.sf(np.abs(means) / np.sqrt(variances / n), n - 1))


def limma_holm(values: Array) -> Array:
    """limma's moderated t: an inverse chi-square prior for the variances of a study, estimated from these themselves.

    Source: Smyth, Linear models and empirical Bayes methods, Stat. Appl. Genet. Mol. Biol. 3 (2004), section 6.2.
    """
    means, variances = _means_and_variances(values)
    (_, k), n = means.shape, values.shape[-1]
    d = n - 1
    logs = np.log(variances) - special.digamma(d / 2) + np.log(d / 2)
    level, excess = logs.mean(axis=1), logs.var(axis=1, ddof=1) - special.polygamma(1, d / 2)
    prior = 2 * _inverse_trigamma(np.maximum(excess, 1e-6))  # practically infinite where no excess shows
    centre = np.exp(level + special.digamma(prior / 2) - np.log(prior / 2))
    moderated = (prior * centre)[:, None] + d * variances
    moderated /= (prior + d)[:, None]
    df = np.minimum(prior + d, k * d)[:, None]
    return _holm(means, 2 * stats.t.sf(np.abs(means) / np.sqrt(moderated / n), df))


def bootstrap(values: Array) -> Array:
    """rliable's interval, the percentile bootstrap over runs; here over whole seeds, so that pairs stay pairs."""
    differences = to_baseline(values.shape[1]) @ values  # (R, k, n)
    ends = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
    decided = []
    for part in np.array_split(differences, 20):  # all at once would take half a GiB
        low, high = np.quantile(part @ _resamples(values.shape[2]).T, ends, axis=-1)
        decided.append((low > 0).astype(float) - (high < 0))
    return np.concatenate(decided)


METHODS: dict[str, Method] = {
    "bootstrap over seeds (rliable)": bootstrap,
    "paired t alone": paired_t,
    "`scipy.stats.dunnett`": scipy_dunnett,
    "pooled, Dunnett": pooled_dunnett,
    "moderated t (limma), Holm": limma_holm,
    "paired t, Holm": paired_t_holm,
    "**the rule**": rule,
}


@cache
def to_baseline(v: int) -> Array:
    return pair_contrasts([str(variant) for variant in range(v)], [(str(variant), "0") for variant in range(1, v)])


def _means_and_variances(values: Array) -> tuple[Array, Array]:
    differences = to_baseline(values.shape[1]) @ values  # (R, k, n)
    return differences.mean(axis=-1), differences.var(axis=-1, ddof=1)


def _holm(means: Array, p: Array) -> Array:
    order = np.argsort(p, axis=1)
    k = p.shape[1]
    adjusted = np.maximum.accumulate(np.take_along_axis(p, order, axis=1) * np.arange(k, 0, -1), axis=1)
    decided = np.empty_like(p, dtype=bool)
    np.put_along_axis(decided, order, adjusted < 1 - CONFIDENCE, axis=1)
    return np.sign(means) * decided


def _inverse_trigamma(y: Array) -> Array:
    x = 0.5 + 1 / y
    for _ in range(20):  # Newton on 1 / trigamma, which is nearly linear
        trigamma = special.polygamma(1, x)
        x = x + trigamma * (1 - trigamma / y) / special.polygamma(2, x)
    return np.asarray(x)


@cache
def _resamples(n: int) -> Array:
    """Return the weights (resamples, n) of the seeds: all n^n draws if these are few."""
    if n**n <= RESAMPLES:
        draws = np.array(list(product(range(n), repeat=n)))
    else:
        draws = np.random.default_rng(0).integers(n, size=(RESAMPLES, n))
    return (draws[:, :, None] == np.arange(n)).mean(axis=1)


def familywise_error(method: Method, noise: str, v: int, n: int) -> float:
    """Return in how many percent of studies without any difference the method finds one."""
    return 100 * float((method(_study(noise, v, n)) != 0).any(axis=1).mean())


def power(method: Method, error_std: float, v: int, n: int, difference: float) -> float:
    """Return in how many percent of studies the method calls the one variant that is better by `difference` better.

    In points, with normal noise; a seed moves all its runs by a standard deviation of 0.3 points.
    """
    values = error_std * _study("normal", v, n)
    values += 0.3 * np.random.default_rng(1).standard_normal((STUDIES, 1, n))
    values[:, 1] += difference
    return 100 * float((method(values)[:, 0] > 0).mean())


def coverage(preference: float, v: int, n: int) -> tuple[float, float, float]:
    """Return the mean share of the images in the variance, and the simultaneous coverage of both kinds of interval.

    In percent: of the true differences, which are 0, by the intervals for other seeds, and by those for other seeds and
    other images.
    """
    rng, contrasts = np.random.default_rng(0), to_baseline(v)
    rows = []
    for _ in range(STUDIES_WITH_IMAGES):
        correct = correct_bits(rng, preference, v, n)
        seeds = block_comparisons(correct.mean(axis=2), contrasts, CONFIDENCE)
        variances = image_variances(correct, contrasts).tolist()
        both = [for_other_images(*pair, contrasts, CONFIDENCE) for pair in zip(seeds, variances, strict=True)]
        covered = [all(row.low <= 0 <= row.high for row in rows) for rows in (seeds, both)]
        rows.append([np.mean(variances), np.mean([row.standard_error**2 for row in seeds]), *covered])
    images, runs, *covered = np.mean(rows, axis=0).tolist()
    return 100 * images / (images + runs), 100 * covered[0], 100 * covered[1]


def correct_bits(rng: np.random.Generator, preference: float, v: int, n: int) -> NDArray[np.bool_]:
    """Return which images the runs classify correctly (v, n, IMAGES); all variants are equally good on all images.

    An image is hard or easy for all runs alike, and every variant prefers some images: `preference` is the standard
    deviation of that part of the logit. Runs differ by chance, and by 0.05 in the level of their logits.
    """
    difficulty = 1.5 + 2 * rng.standard_normal(IMAGES)
    preferred = preference * rng.standard_normal((v, 1, IMAGES))
    level = 0.05 * rng.standard_normal((v, n, 1))
    return (difficulty + preferred + level + rng.logistic(size=(v, n, IMAGES))) > 0


@lru_cache(maxsize=1)
def _study(noise: str, v: int, n: int) -> Array:
    return NOISE[noise](np.random.default_rng(0), (STUDIES, v, n))
