"""Runs are paired by variant and seed; their inputs are compared pair by pair."""

import pytest
from made_records import make_run

from attnbench.compare.paired_runs import InputDifference, input_differences, pair_runs
from attnbench.errors import UserError


def test_runs_are_paired_by_variant_and_seed_in_any_order():
    a = [make_run("se", 10, 0.1), make_run("se", 2, 0.2), make_run("eca", 2, 0.3)]
    b = [make_run("eca", 2, 0.4), make_run("se", 10, 0.5), make_run("se", 2, 0.6)]
    pairs = pair_runs(a, b).pairs
    assert [(run.variant, run.seed) for run, _ in pairs] == [("eca", 2), ("se", 2), ("se", 10)]
    assert [(run_a.accuracy, run_b.accuracy) for run_a, run_b in pairs] == [(0.3, 0.4), (0.2, 0.6), (0.1, 0.5)]


def test_runs_of_one_side_only_are_named():
    a = [make_run("se", 0, 0.1), make_run("se", 1, 0.1), make_run("cam", 0, 0.1)]
    paired = pair_runs(a, [make_run("sam", 0, 0.1), make_run("se", 0, 0.1)])
    assert (len(paired.pairs), paired.only_a, paired.only_b) == (1, ["cam-0", "se-1"], ["sam-0"])


def test_sides_without_a_common_run_are_refused():
    with pytest.raises(UserError, match=r"^the sides have no run in common: A has se-0; B has cam-0, se-1$"):
        pair_runs([make_run("se", 0, 0.1)], [make_run("se", 1, 0.1), make_run("cam", 0, 0.1)])


def test_equal_checkpoints_are_counted():
    a = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="2" * 64)]
    b = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="1" * 64)]
    assert pair_runs(a, b).equal_checkpoints == 1


def test_pairs_with_equal_inputs_have_no_differences():
    mixed = [make_run("se", 0, 0.1, processor="x"), make_run("se", 1, 0.1, processor="y")]
    unpaired = make_run("se", 2, 0.1, processor="z")
    assert input_differences(pair_runs([*mixed, unpaired], mixed)) == []


@pytest.mark.parametrize(
    ("field", "name"), [("data", "images"), ("params", "values in params.yaml"), ("torch", "torch")]
)
def test_a_field_that_differs_is_named_alone(field, name):
    paired = pair_runs([make_run("se", 0, 0.1, **{field: "1"})], [make_run("se", 0, 0.1, **{field: "2"})])
    assert input_differences(paired) == [InputDifference(field, name, ["1"], ["2"], 1)]


def test_all_values_of_differing_pairs_are_listed_once_and_fields_keep_their_order():
    a = [make_run("se", seed, 0.1) for seed in range(4)]
    b = [make_run("se", seed, 0.1, precision=kind) for seed, kind in enumerate(["float32", "bf16", "tf32", "tf32"])]
    b[3] = make_run("se", 3, 0.1, precision="tf32", data="f" * 64)
    assert input_differences(pair_runs(a, b)) == [
        InputDifference("data", "images", ["d" * 64], ["f" * 64], 1),
        InputDifference("precision", "precision", ["bf16"], ["float32", "tf32"], 3),
    ]
