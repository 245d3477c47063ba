"""Differences between A and B: paired by the rule of `analyse`, unpaired by Welch's t, and the verdicts."""

import math

import numpy as np
import pytest
from made_records import make_run
from scipy import stats

from attnbench.analyse.statistics import block_comparisons
from attnbench.compare.accuracy_differences import accuracy_differences
from attnbench.compare.matched_runs import match_runs

A = {"eca": [0.70, 0.72, 0.71], "se": [0.72, 0.73, 0.75]}
B = {"eca": [0.71, 0.74, 0.71], "se": [0.82, 0.84, 0.84]}


def compared(a, b, confidence=0.95, margin=None, first_seed=0):
    """Return the differences by variant; the seeds of B begin at `first_seed`."""
    sides = (
        [make_run(name, start + seed, value) for name, values in side.items() for seed, value in enumerate(values)]
        for side, start in ((a, 0), (b, first_seed))
    )
    return accuracy_differences(match_runs(*sides), confidence, margin).set_index("variant")


def test_paired_differences_are_one_family_and_their_mean_stands_alone():
    frame = compared(A, B, 0.9)
    expected = block_comparisons([*A.values(), *B.values()], [[-1, 0, 1, 0], [0, -1, 0, 1]], 0.9)
    means = [np.mean(list(side.values()), axis=0) for side in (A, B)]
    expected += block_comparisons(means, [[-1, 1]], 0.9)  # alone
    assert list(frame.index) == ["eca", "se", "all variants"]
    assert frame["difference"].to_list() == pytest.approx([0.01, 0.1, 0.055])
    assert frame["low"].to_list() == pytest.approx([one.low for one in expected])
    assert frame["verdict"].to_list() == [one.verdict for one in expected]
    assert frame.loc["se", ["n_a", "n_b", "accuracy_a", "accuracy_b"]].to_list() == pytest.approx(
        [3, 3, 2.2 / 3, 2.5 / 3]
    )


def test_one_variant_has_the_paired_t_test_and_no_row_over_all():
    frame = compared({"se": A["se"]}, {"se": B["se"]})
    interval = stats.ttest_rel(B["se"], A["se"]).confidence_interval(0.95)
    assert list(frame.index) == ["se"]
    assert frame.loc["se", ["low", "high"]].to_list() == pytest.approx([interval.low, interval.high])
    assert frame.loc["se", "verdict"] == "better"


def test_the_margin_makes_small_differences_equivalent():
    assert compared({"se": A["se"]}, {"se": B["se"]}, margin=0.5).loc["se", "verdict"] == "equivalent"
    assert compared({"se": A["se"]}, {"se": B["se"]}, margin=0.5, first_seed=5).loc["se", "verdict"] == "equivalent"


def test_equal_weights_are_identical():
    frame = compared(A, A | {"se": B["se"]})
    assert frame["verdict"].to_dict() == {"eca": "identical", "se": "better", "all variants": "better"}
    assert math.isnan(frame.loc["eca", "low"])


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (make_run("se", 0, 0.7), make_run("se", 0, 0.8, checkpoint_sha256=f"{700_000:064x}")),
        (make_run("se", 0, 0.7), make_run("se", 0, 0.7, checkpoint_sha256="a" * 64)),
        (make_run("se", 0, 0.7), make_run("se", 1, 0.7)),
    ],
    ids=["another accuracy", "other weights", "another seed"],
)
def test_identical_runs_have_the_seed_the_weights_and_the_accuracy_in_common(a, b):
    assert accuracy_differences(match_runs([a], [b]), 0.95)["verdict"].to_list() == ["inconclusive"]


def test_the_mean_over_all_variants_takes_the_seeds_that_have_them_all():
    a = [make_run("se", 0, 0.1), make_run("se", 1, 0.2), make_run("eca", 1, 0.4), make_run("eca", 2, 0.8)]
    b = [make_run(name, 7, 0.5) for name in ("se", "eca")]
    assert accuracy_differences(match_runs(a, b), 0.95)["difference"].to_list() == pytest.approx([-0.1, 0.35, 0.2])
    row = accuracy_differences(match_runs([a[0], a[3]], b), 0.95).iloc[2]
    assert row[["n_a", "n_b", "verdict"]].to_list() == [0, 1, "inconclusive"]
    assert row[["accuracy_a", "difference"]].isna().all()


def test_unpaired_differences_are_welchs_at_a_shared_level():
    frame = compared(A, B, first_seed=3)
    mean_a, mean_b = (np.mean(list(side.values()), axis=0) for side in (A, B))
    for name, a, b, level in [("se", A["se"], B["se"], 1 - 0.05 / 2), ("all variants", mean_a, mean_b, 0.95)]:
        test = stats.ttest_ind(b, a, equal_var=False)
        interval = test.confidence_interval(level)
        row = frame.loc[name]
        assert row[["low", "high"]].to_list() == pytest.approx([interval.low, interval.high])
        assert row["degrees_of_freedom"] == pytest.approx(test.df)


@pytest.mark.parametrize(("a", "b"), [([0.5], [0.6, 0.7]), ([0.5, 0.5], [0.3, 0.1 + 0.2]), ([0.5], [0.6])])
def test_unpaired_runs_without_a_spread_have_no_interval(a, b):
    row = compared({"se": a}, {"se": b}, first_seed=7).loc["se"]
    assert row["difference"] == pytest.approx(np.mean(b) - 0.5)
    assert math.isnan(row["low"])
    assert row["verdict"] == "inconclusive"
