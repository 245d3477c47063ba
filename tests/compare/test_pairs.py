"""Runs are paired by variant and seed; what they were made from is compared pair by pair."""

import pytest
from made_records import make_run

from attnbench.compare.origins import Origin, origins
from attnbench.compare.pairs import paired
from attnbench.errors import UserError


def test_runs_are_paired_by_variant_and_seed_whatever_their_order():
    a = [make_run("se", 10, 0.1), make_run("se", 2, 0.2), make_run("eca", 2, 0.3)]
    b = [make_run("eca", 2, 0.4), make_run("se", 10, 0.5), make_run("se", 2, 0.6)]
    both = paired(a, b).both
    assert [(x.variant, x.seed, y.variant, y.seed) for x, y in both] == [
        ("eca", 2, "eca", 2),
        ("se", 2, "se", 2),
        ("se", 10, "se", 10),
    ]
    assert [(x.accuracy, y.accuracy) for x, y in both] == [(0.3, 0.4), (0.2, 0.6), (0.1, 0.5)]


def test_what_one_side_has_alone_is_named():
    a = [make_run("se", 0, 0.1), make_run("se", 1, 0.1), make_run("cam", 0, 0.1)]
    b = [make_run("sam", 0, 0.1), make_run("se", 0, 0.1)]
    pairs = paired(a, b)
    assert (len(pairs.both), pairs.only_a, pairs.only_b) == (1, ["cam-0", "se-1"], ["sam-0"])


def test_nothing_in_common_is_an_error():
    message = r"^no run is on both sides: A has se-0; B has cam-0, se-1$"
    with pytest.raises(UserError, match=message):
        paired([make_run("se", 0, 0.1)], [make_run("se", 1, 0.1), make_run("cam", 0, 0.1)])


def test_equal_checkpoints_are_counted():
    a = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="2" * 64)]
    b = [make_run("se", 0, 0.1, checkpoint_sha256="1" * 64), make_run("se", 1, 0.1, checkpoint_sha256="1" * 64)]
    assert paired(a, b).equal_checkpoints == 1


def test_runs_made_from_the_same_have_no_origins_to_tell():
    mixed = [make_run("se", 0, 0.1, processor="x"), make_run("se", 1, 0.1, processor="y")]
    assert origins(paired(mixed, mixed)) == []


@pytest.mark.parametrize(
    ("field", "a", "b"),
    [
        ("data", "1" * 64, "2" * 64),
        ("code", "1" * 64, "2" * 64),
        ("params", "1" * 64, "2" * 64),
        ("python", "3.11.7", "3.12.1"),
        ("torch", "2.14.0", "2.15.0"),
        ("device", "cpu", "NVIDIA H100"),
        ("instruction_set", "AVX2", "AVX512"),
        ("processor", "one", "other"),
        ("threads", 1, 2),
        ("precision", "bf16", "float32"),
        ("memory_format", "channels_last", "contiguous"),
    ],
)
def test_each_field_that_differs_is_named_alone(field, a, b):
    pairs = paired([make_run("se", 0, 0.1, **{field: a})], [make_run("se", 0, 0.1, **{field: b})])
    assert origins(pairs) == [Origin(field, [a], [b], 1)]


def test_a_mixed_side_shows_all_its_values_and_how_many_pairs_differ():
    a = [make_run("se", seed, 0.1) for seed in range(3)]
    b = [make_run("se", seed, 0.1, precision=kind) for seed, kind in enumerate(["float32", "bf16", "float32"])]
    assert origins(paired(a, b)) == [Origin("precision", ["bf16"], ["float32", "bf16"], 2)]


def test_a_run_without_a_partner_says_nothing_of_the_origins():
    a = [make_run("se", 0, 0.1), make_run("se", 1, 0.1, precision="float32")]
    assert origins(paired(a, [make_run("se", 0, 0.1)])) == []
