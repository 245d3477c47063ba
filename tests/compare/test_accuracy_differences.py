"""Differences between A and B, against numbers computed by hand."""

import math

import pytest
from made_records import make_run

from attnbench.compare.accuracy_differences import all_variants, by_variant
from attnbench.compare.paired_runs import pair_runs

# Student's t at 97.5 % for 1 and 2 degrees of freedom, from printed tables
T1, T2 = 12.7062, 4.30265


def paired(accuracies):
    """Return the pairs of variant -> seed -> (accuracy of A, accuracy of B)."""
    keys = [(variant, seed) for variant, seeds in accuracies.items() for seed in seeds]
    return pair_runs(*([make_run(*key, accuracies[key[0]][key[1]][side]) for key in keys] for side in (0, 1)))


def test_differences_of_three_seeds():
    # differences 0.01, 0.02, 0.03: mean 0.02, std 0.01, half width t * 0.01 / sqrt(3), T = 0.02 sqrt(3) / 0.01
    pairs = paired({"se": {0: (0.70, 0.71), 1: (0.72, 0.74), 2: (0.71, 0.74)}})
    (row,) = by_variant(pairs, 0.95).to_dict("records")
    half, statistic = T2 * 0.01 / math.sqrt(3), 2 * math.sqrt(3)
    assert row == {
        "variant": "se",
        "n": 3,
        "accuracy_a": pytest.approx(0.71),
        "accuracy_b": pytest.approx(0.73),
        "difference": pytest.approx(0.02),
        "std": pytest.approx(0.01),
        "low": pytest.approx(0.02 - half, rel=1e-5),
        "high": pytest.approx(0.02 + half, rel=1e-5),
        "p": pytest.approx(1 - statistic / math.sqrt(2 + statistic**2)),  # two-sided, closed form for 2 degrees
    }


def test_the_interval_follows_the_confidence():
    pairs = paired({"se": {0: (0.70, 0.71), 1: (0.72, 0.74), 2: (0.71, 0.74)}})
    (row,) = by_variant(pairs, 0.9).to_dict("records")
    assert row["high"] - row["low"] == pytest.approx(2 * 2.91999 * 0.01 / math.sqrt(3), rel=1e-5)  # t at 95 %


def test_every_variant_has_a_row():
    pairs = paired({"eca": {0: (0.5, 0.6)}, "se": {0: (0.7, 0.6), 1: (0.7, 0.7)}})
    rows = by_variant(pairs, 0.95).set_index("variant")
    assert rows["n"].to_dict() == {"eca": 1, "se": 2}
    assert rows["difference"].to_dict() == {"eca": pytest.approx(0.1), "se": pytest.approx(-0.05)}
    assert rows["low"].isna().to_dict() == {"eca": True, "se": False}


def test_all_variants_average_within_a_seed_before_the_interval():
    # within seeds: (0.00 + 0.02) / 2 = 0.01 and (0.04 + 0.02) / 2 = 0.03; over the two seeds: mean 0.02, std 0.01414
    pairs = paired({"eca": {0: (0.5, 0.5), 1: (0.5, 0.54)}, "se": {0: (0.7, 0.72), 1: (0.7, 0.72)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row["variant"], row["n"]) == ("all variants", 2)
    assert (row["accuracy_a"], row["accuracy_b"]) == (pytest.approx(0.6), pytest.approx(0.62))
    assert row["difference"] == pytest.approx(0.02)
    assert row["std"] == pytest.approx(0.02 / math.sqrt(2))
    assert row["high"] == pytest.approx(0.02 + T1 * 0.01, rel=1e-5)


def test_a_seed_that_lacks_a_variant_is_left_out_of_all_variants():
    pairs = paired({"eca": {0: (0.5, 0.5), 1: (0.5, 0.54)}, "se": {0: (0.7, 0.72), 1: (0.7, 0.72), 2: (0.7, 0.1)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row["n"], row["difference"]) == (2, pytest.approx(0.02))


def test_without_a_complete_seed_all_variants_have_no_numbers():
    pairs = paired({"eca": {0: (0.5, 0.5)}, "se": {1: (0.7, 0.72)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row.pop("variant"), row.pop("n")) == ("all variants", 0)
    assert all(math.isnan(value) for value in row.values())
