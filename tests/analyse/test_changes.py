"""Changes of trained networks: the rule written out, and what has no interval."""

import math

import numpy as np
import pytest

from attnbench.analyse.statistics import change_comparisons, critical_value

CHANGES = np.random.default_rng(2).normal(-0.02, 0.01, (3, 2, 4))  # 3 variants, 2 changes, 4 seeds


def test_the_rule_written_out() -> None:
    own = CHANGES.var(axis=2, ddof=1)
    nu = 1 / ((3 / 7) ** 2 / 3 + (1 - (3 / 7) ** 2) / 9)  # w = 3 / (3 + 4), three networks per seed
    half = critical_value(np.eye(6), nu, 0.9) * np.sqrt((3 / 7 * own + 4 / 7 * own.mean()) / 4)
    rows = change_comparisons(CHANGES, 0.9)
    assert [[one.difference for one in row] for row in rows] == [pytest.approx(row) for row in CHANGES.mean(axis=2)]
    assert [[one.low for one in row] for row in rows] == [pytest.approx(row) for row in CHANGES.mean(axis=2) - half]
    assert rows[0][0].degrees_of_freedom == pytest.approx(nu)


def test_what_changes_nothing_is_no_member_of_the_family() -> None:
    blind = np.concatenate([CHANGES, np.zeros((1, 2, 4))])
    rows = change_comparisons(blind, 0.9)
    assert rows[:3] == change_comparisons(CHANGES, 0.9)
    assert [(one.difference, one.verdict) for one in rows[3]] == [(0, "inconclusive")] * 2
    assert math.isnan(rows[3][0].low)
    half = CHANGES.copy()
    half[0, 0] = 0  # its variant is still a network that changed
    assert change_comparisons(half, 0.9)[1][0].degrees_of_freedom == rows[1][0].degrees_of_freedom


@pytest.mark.parametrize(
    "changes", [CHANGES[:, :, :1], np.full((2, 2, 3), 0.25), np.array([[[0.3 - 0.2, 0.1, 0.9 - 0.8]]])]
)
def test_without_a_spread_there_is_no_interval(changes: np.ndarray) -> None:
    rows = change_comparisons(changes, 0.9)
    assert rows[0][0].difference == pytest.approx(changes[0, 0, 0])
    assert all(math.isnan(one.low) for row in rows for one in row)


def test_other_axes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"axes \(variant, change, seed\)"):
        change_comparisons(CHANGES[0], 0.9)
