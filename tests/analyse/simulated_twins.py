"""Simulated pairs of studies in which no gain differs, and what three ways say about the differences of gains.

Values are (R, v, n) for each study: R simulated pairs, v variants with the baseline first, n common seeds.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from attnbench.analyse.statistics import critical_value, degrees_of_freedom, moderated_variances

from .simulation import CONFIDENCE, STUDIES, to_baseline

Array = NDArray[np.float64]


class Cell(NamedTuple):
    """What the standard deviations of a pair of studies are, in units of that of a run."""

    noise_b: float = 1.0  # of the runs of the second study
    baseline: float = 1.0  # of the runs of the baselines
    study_seed: float = 0.0  # what a seed does to all variants of one study
    variant_seed: float = 0.0  # what a seed does to one variant in both studies


CELLS = {
    "equal spread": Cell(),
    "one recipe 2x as noisy": Cell(noise_b=2.0),
    "baselines 2x as noisy": Cell(baseline=2.0),
    "a seed moves a study": Cell(study_seed=1.0),
    "a seed moves a variant in both": Cell(variant_seed=1.0),
}


def differences(a: Array, b: Array) -> tuple[Array, Array]:
    """Return means and half-widths (R, v - 1) of the rule over y in B minus y in A: what `attnbench compare` does."""
    return _rule(b - a, to_baseline(a.shape[1]))


def treatments(a: Array, b: Array) -> tuple[Array, Array]:
    """The rule over all pairs of a study and a variant as treatments of one block design."""
    family = np.hstack([-to_baseline(a.shape[1]), to_baseline(a.shape[1])]) / np.sqrt(2)  # |c|^2 = 2
    means, half = _rule(np.concatenate([a, b], axis=1), family)
    return np.sqrt(2) * means, np.sqrt(2) * half


def unpaired(a: Array, b: Array) -> tuple[Array, Array]:
    """Welch's t of the gains of both studies, with Bonferroni's level."""
    gains = [to_baseline(a.shape[1]) @ values for values in (a, b)]
    n = a.shape[2]
    x, y = (gain.var(axis=-1, ddof=1) / n for gain in gains)
    nu = (x + y) ** 2 / ((x**2 + y**2) / (n - 1))
    level = 1 - (1 - CONFIDENCE) / (2 * x.shape[1])
    return gains[1].mean(axis=-1) - gains[0].mean(axis=-1), stats.t.ppf(level, nu) * np.sqrt(x + y)


METHODS: dict[str, Callable[[Array, Array], tuple[Array, Array]]] = {
    "**differences between the studies**": differences,
    "study and variant as treatments": treatments,
    "unpaired (Welch, Bonferroni)": unpaired,
}


def error_and_half_width(method: str, cell: str, v: int, n: int) -> tuple[float, float]:
    """Return in how many percent of pairs a difference is found where there is none, and the mean half-width."""
    means, half = METHODS[method](*_pair(CELLS[cell], v, n))
    return 100 * float((np.abs(means) > half).any(axis=1).mean()), float(half.mean())


def _rule(values: Array, family: Array) -> tuple[Array, Array]:
    _, v, n = values.shape
    crit = critical_value(family, degrees_of_freedom(v, n), CONFIDENCE)
    return (family @ values).mean(axis=-1), crit * np.sqrt(moderated_variances(values, family) / n)


def _pair(cell: Cell, v: int, n: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    both = cell.variant_seed * rng.standard_normal((STUDIES, v, n))
    noise = 1.0, cell.noise_b
    a, b = (both + _study(rng, scale * rng.standard_normal((STUDIES, v, n)), cell) for scale in noise)
    return a, b


def _study(rng: np.random.Generator, noise: Array, cell: Cell) -> Array:
    noise[:, 0] *= cell.baseline
    return noise + cell.study_seed * rng.standard_normal((len(noise), 1, noise.shape[2]))
