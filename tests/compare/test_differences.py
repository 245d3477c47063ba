"""Differences of B and A against numbers worked out by hand."""

import math

import pytest
from made_records import make_run

from attnbench.compare.differences import all_variants, by_variant
from attnbench.compare.pairs import paired

# Student's t at 97.5 % for 1 and 2 degrees of freedom, from printed tables
T1, T2 = 12.7062, 4.30265


@pytest.fixture
def sides():
    """Return a function from variant -> seed -> (accuracy of A, accuracy of B) to pairs."""

    def made(accuracies):
        runs = [[make_run(v, s, both[i]) for v, own in accuracies.items() for s, both in own.items()] for i in (0, 1)]
        return paired(*runs)

    return made


def test_differences_of_three_seeds(sides):
    # differences 0.01, 0.02, 0.03: mean 0.02, std 0.01, half width t * 0.01 / sqrt(3), T = 0.02 sqrt(3) / 0.01
    pairs = sides({"se": {0: (0.70, 0.71), 1: (0.72, 0.74), 2: (0.71, 0.74)}})
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


def test_the_interval_is_that_of_the_confidence_asked_for(sides):
    pairs = sides({"se": {0: (0.70, 0.71), 1: (0.72, 0.74), 2: (0.71, 0.74)}})
    (row,) = by_variant(pairs, 0.9).to_dict("records")
    assert row["high"] - row["low"] == pytest.approx(2 * 2.91999 * 0.01 / math.sqrt(3), rel=1e-5)  # t at 95 %


def test_each_variant_has_a_row_of_its_own_pairs(sides):
    pairs = sides({"eca": {0: (0.5, 0.6)}, "se": {0: (0.7, 0.6), 1: (0.7, 0.7)}})
    rows = by_variant(pairs, 0.95).set_index("variant")
    assert rows["n"].to_dict() == {"eca": 1, "se": 2}
    assert rows["difference"].to_dict() == {"eca": pytest.approx(0.1), "se": pytest.approx(-0.05)}
    assert rows["low"].isna().to_dict() == {"eca": True, "se": False}


def test_all_variants_average_within_a_seed_before_the_interval(sides):
    # within seeds: (0.00 + 0.02) / 2 = 0.01 and (0.04 + 0.02) / 2 = 0.03; over the two seeds: mean 0.02, std 0.01414
    pairs = sides({"eca": {0: (0.5, 0.5), 1: (0.5, 0.54)}, "se": {0: (0.7, 0.72), 1: (0.7, 0.72)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row["variant"], row["n"]) == ("all variants", 2)
    assert (row["accuracy_a"], row["accuracy_b"]) == (pytest.approx(0.6), pytest.approx(0.62))
    assert row["difference"] == pytest.approx(0.02)
    assert row["std"] == pytest.approx(0.02 / math.sqrt(2))
    assert row["high"] == pytest.approx(0.02 + T1 * 0.01, rel=1e-5)


def test_a_seed_that_lacks_a_variant_is_left_out_of_all_variants(sides):
    pairs = sides({"eca": {0: (0.5, 0.5), 1: (0.5, 0.54)}, "se": {0: (0.7, 0.72), 1: (0.7, 0.72), 2: (0.7, 0.1)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row["n"], row["difference"]) == (2, pytest.approx(0.02))


def test_without_a_seed_of_all_variants_they_say_nothing(sides):
    pairs = sides({"eca": {0: (0.5, 0.5)}, "se": {1: (0.7, 0.72)}})
    (row,) = all_variants(pairs, 0.95).to_dict("records")
    assert (row.pop("variant"), row.pop("n")) == ("all variants", 0)
    assert all(math.isnan(value) for value in row.values())
