"""Runs are matched by variant and seed; the inputs of the pairs are compared."""

import pytest
from made_records import make_run

from attnbench.compare.matched_runs import InputDifference, input_differences, match_runs
from attnbench.errors import UserError


def keys(pairs):
    return [(a.variant, a.seed, b.seed) for a, b in pairs]


def test_shared_seeds_are_paired_in_any_order():
    a = [make_run(variant, seed, 0.1) for variant, seed in [("se", 10), ("se", 2), ("eca", 2), ("eca", 10)]]
    runs = match_runs(a, reversed(a))
    assert runs.paired
    assert keys(runs.pairs) == [("eca", 2, 2), ("eca", 10, 10), ("se", 2, 2), ("se", 10, 10)]


def test_what_only_one_side_has_is_left_out():
    a = [make_run("se", seed, 0.1) for seed in range(3)] + [make_run("cam", 0, 0.1)]
    b = [make_run("se", seed, 0.1) for seed in (1, 2, 3)] + [make_run("sam", 0, 0.1)]
    runs = match_runs(a, b)
    assert (keys(runs.pairs), runs.only_a, runs.only_b) == (
        [("se", 1, 1), ("se", 2, 2)],
        ["cam-0", "se-0"],
        ["sam-0", "se-3"],
    )


def test_a_seed_counts_with_all_common_variants():
    a = [make_run(variant, seed, 0.1) for variant in ("eca", "se") for seed in range(3)]
    runs = match_runs(a, a[1:])
    assert (sorted(runs.a["se"]), runs.only_a, runs.only_b) == ([1, 2], ["eca-0", "se-0"], ["se-0"])


def test_fewer_than_two_shared_seeds_are_unpaired():
    a, b = [make_run("se", seed, 0.1) for seed in (0, 1)], [make_run("se", seed, 0.1) for seed in (1, 2)]
    runs = match_runs(a, b)
    assert not runs.paired
    assert (keys(runs.pairs), runs.only_a, runs.only_b) == (
        [("se", 0, 1), ("se", 0, 2), ("se", 1, 1), ("se", 1, 2)],
        [],
        [],
    )
    assert match_runs(a[1:], b[:1]).paired  # the only run of either side
    assert not match_runs(a[1:], b).paired


def test_sides_without_a_common_variant_are_refused():
    message = r"^the sides have no variant in common: A has se; B has cam, sam; name sides that share one, such"
    with pytest.raises(UserError, match=message):
        match_runs([make_run("se", 0, 0.1)], [make_run("cam", 1, 0.1), make_run("sam", 0, 0.1)])


def test_equal_checkpoints_are_counted():
    a = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="2" * 64)]
    b = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="1" * 64)]
    assert match_runs(a, b).equal_checkpoints == 1


def test_pairs_with_equal_inputs_have_no_differences():
    mixed = [make_run("se", 0, 0.1, processor="x"), make_run("se", 1, 0.1, processor="y")]
    unpaired = make_run("se", 2, 0.1, processor="z")
    assert input_differences(match_runs([*mixed, unpaired], mixed).pairs) == []


@pytest.mark.parametrize(
    ("field", "name"), [("data", "images"), ("params", "values in params.yaml"), ("torch", "torch")]
)
def test_a_field_that_differs_is_named_alone(field, name):
    runs = match_runs([make_run("se", 0, 0.1, **{field: "1"})], [make_run("se", 0, 0.1, **{field: "2"})])
    assert input_differences(runs.pairs) == [InputDifference(field, name, ["1"], ["2"], 1)]


def test_all_values_of_differing_pairs_are_listed_once_and_fields_keep_their_order():
    a = [make_run("se", seed, 0.1) for seed in range(4)]
    b = [make_run("se", seed, 0.1, precision=kind) for seed, kind in enumerate(["float32", "bf16", "tf32", "tf32"])]
    b[3] = make_run("se", 3, 0.1, precision="tf32", data="f" * 64)
    assert input_differences(match_runs(a, b).pairs) == [
        InputDifference("data", "images", ["d" * 64], ["f" * 64], 1),
        InputDifference("precision", "precision", ["bf16"], ["float32", "tf32"], 3),
    ]
