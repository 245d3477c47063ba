"""Declared interactions: gains over the baseline in B minus those in A, and what cannot be estimated."""

from dataclasses import replace

import numpy as np
import pytest
from made_records import make_run
from scipy import stats

from attnbench.analyse.statistics import block_comparisons
from attnbench.compare.interactions import interactions
from attnbench.compare.run_sets import RunSet, RunSource

A = {"plain": [0.70, 0.72, 0.71], "se": [0.72, 0.73, 0.75], "eca": [0.71, 0.70, 0.72]}
B = {"plain": [0.80, 0.79, 0.82], "se": [0.81, 0.80, 0.84], "eca": [0.86, 0.85, 0.89]}
DECLARED = {"before": ["se", "eca"]}


def side(study, accuracies, first_seed=0, declared=None):
    """Return a side whose seeds begin at `first_seed`; an accuracy of None has no run."""
    runs = [
        make_run(name, first_seed + number, value, study=study)
        for name, values in accuracies.items()
        for number, value in enumerate(values)
        if value is not None
    ]
    return RunSet(RunSource(study), None, runs, [], {}, None, baseline="plain", interactions=declared or {})


def estimated(a=A, b=B, margin=None, first_seed=0, declared=DECLARED):
    """Return the interactions of studies `before` and `after`; the seeds of B begin at `first_seed`."""
    return interactions(side("before", a), side("after", b, first_seed, declared), 0.95, margin)


def test_gains_are_compared_by_the_rule_of_blocks_over_the_differences_of_every_seed():
    table = estimated().table.set_index("variant")
    z = np.array([B[name] for name in A]) - np.array([A[name] for name in A])
    expected = block_comparisons(z, [[-1, 1, 0], [-1, 0, 1]], 0.95)
    assert list(table.index) == ["se", "eca"]
    assert table["gain_a"].to_list() == pytest.approx([0.07 / 3, 0.0])
    assert table["gain_b"].to_list() == pytest.approx([0.04 / 3, 0.19 / 3])
    assert table["difference"].to_list() == pytest.approx([-0.01, 0.19 / 3])
    assert table["low"].to_list() == pytest.approx([one.low for one in expected])
    assert table["high"].to_list() == pytest.approx([one.high for one in expected])
    assert table["verdict"].to_list() == [one.verdict for one in expected] == ["inconclusive", "better"]


def test_what_a_seed_does_to_a_whole_study_cancels():
    shifted = {name: np.add(values, [0.05, -0.03, 0.0]) for name, values in B.items()}
    assert estimated(b=shifted).table["low"].to_list() == pytest.approx(estimated().table["low"].to_list())


def test_the_margin_is_that_of_the_interactions_too():
    for first_seed in (0, 5):
        assert estimated(margin=0.5, first_seed=first_seed).table["verdict"].to_list() == ["equivalent", "equivalent"]


def test_equal_gains_claim_no_certainty():
    a = {"plain": [0.60, 0.64, 0.61], "se": [0.65, 0.69, 0.66], "eca": [0.62, 0.67, 0.64]}
    b = {name: [round(value + 0.03, 2) for value in values] for name, values in a.items()}  # equal but for rounding
    assert estimated(a, b).table["low"].isna().all()
    assert estimated(a, b, first_seed=5).table["low"].isna().to_list() == [True, False]


def test_other_variants_and_seeds_play_no_part_and_are_named():
    b = {name: [*values, 0.1] for name, values in B.items()} | {"cam": [0.9]}
    more = estimated(b=b)
    assert more.table["low"].to_list() == estimated().table["low"].to_list()
    assert (more.runs.only_a, more.runs.only_b) == ([], ["eca-3", "plain-3", "se-3"])


def test_a_seed_that_lacks_a_declared_variant_counts_for_none():
    a = A | {"eca": [0.71, None, 0.72]}
    gone = estimated(a=a)
    assert gone.table["n_a"].to_list() == [2, 2]
    assert gone.runs.only_a == ["plain-1", "se-1"]


def test_without_common_seeds_the_gains_are_compared_unpaired():
    table = estimated(first_seed=5).table.set_index("variant")
    gains = [np.array(own["se"]) - np.array(own["plain"]) for own in (B, A)]
    interval = stats.ttest_ind(*gains, equal_var=False).confidence_interval(1 - 0.05 / 2)
    assert table.loc["se", ["low", "high"]].to_list() == pytest.approx([interval.low, interval.high])


@pytest.mark.parametrize(
    ("a", "missing", "variants"),
    [
        ({"plain": A["plain"], "se": A["se"]}, ["eca"], ["se"]),
        ({"plain": [None, 0.7], "se": A["se"], "eca": [0.7]}, ["eca"], ["se"]),
        ({"se": A["se"], "eca": A["eca"]}, ["plain", "se", "eca"], []),
    ],
    ids=["no run of a variant", "no seed of a variant and the baseline", "no baseline"],
)
def test_what_has_no_gain_is_named(a, missing, variants):
    some = estimated(a=a)
    assert some.missing == {"A": missing, "B": []}
    assert some.table["variant"].to_list() == variants
    assert (some.runs is None) == (not variants)


def test_either_side_may_declare_them():
    a, b = side("before", A, declared={"after": ["se"]}), side("after", B)
    assert interactions(a, b, 0.95).table["variant"].to_list() == ["se"]
    assert interactions(b, a, 0.95).table["difference"].to_list() == pytest.approx([0.01])
    assert interactions(side("before", A), b, 0.95) is None
    assert interactions(a, side("before", B, declared={"before": ["se"]}), 0.95) is None  # two commits of one study
    assert interactions(a, replace(b, baseline=None), 0.95) is None
