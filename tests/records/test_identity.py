"""What a run was made from, and how two identities differ."""

import params
import pytest
from made_records import ENVIRONMENT

from attnbench.records import Difference, Identity, params_sha256

IDENTITY = Identity(data="d" * 64, code="c" * 64, params="a" * 64, environment=ENVIRONMENT)


def test_equal_identities_have_no_differences() -> None:
    assert IDENTITY.differences(IDENTITY.model_copy()) == []


def test_differences_come_with_their_names_and_values_in_order() -> None:
    there = ENVIRONMENT.model_copy(update={"threads": 2, "instruction_set": "AVX2"})
    other = IDENTITY.model_copy(update={"environment": there, "params": "b" * 64, "data": "e" * 64})
    differences = [
        Difference("data", "images", "d" * 64, "e" * 64),
        Difference("params", "values in params.yaml", "a" * 64, "b" * 64),
        Difference("instruction_set", "instruction set", "AVX512", "AVX2"),
        Difference("threads", "threads", "1", "2"),
    ]
    assert IDENTITY.differences(other) == differences
    assert IDENTITY.differences(other, environment=False) == differences[:2]


def test_code_is_compared() -> None:
    other = IDENTITY.model_copy(update={"code": "d" * 64})
    assert IDENTITY.differences(other, environment=False) == [Difference("code", "code", "c" * 64, "d" * 64)]


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, []),
        ({"data": "9" * 64, "params": "9" * 64}, ["images", "values in params.yaml"]),
        ({"code": "9" * 64}, ["code"]),
        ({"environment": ENVIRONMENT.model_copy(update={"processor": "Another"})}, []),
    ],
)
def test_a_run_is_compared_with_what_would_be_trained_now(changes: dict[str, object], names: list[str]) -> None:
    study = params.study()
    now = IDENTITY.model_copy(update={"params": params_sha256(study, "se")})
    changed = now.model_copy(update=changes).changed_inputs(study, "se", data=now.data, code=now.code)
    assert [difference.name for difference in changed] == names
    assert {difference.first for difference in changed} <= {"9" * 64}


ONE = params.study()
SE = {"attention": "se", "site": "before_pool"}


@pytest.mark.parametrize(
    "changes",
    [
        {"recipe": params.recipe(epochs=2)},
        {"backbone": {"name": "cnn", "options": {"width": 8}}},
        {"machine": {"device": "cpu", "precision": "float32", "threads": 2}},
        {"machine": {"device": "cuda", "precision": "float32", "threads": 1}},
        {"variants": {"baseline": {"attention": "none"}, "se": SE | {"options": {"reduction": 8}}}},
    ],
)
def test_the_hash_of_params_covers_what_decides_the_result(changes: dict[str, object]) -> None:
    assert params_sha256(params.study(**changes), "se") != params_sha256(ONE, "se")


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Other"},
        {"seeds": [5]},
        {"confidence": 0.9},
        {"variants": {"baseline": {"attention": "none"}, "se": SE | {"start": "paper"}, "eca": SE}},  # the default
    ],
)
def test_the_hash_of_params_leaves_out_what_does_not(changes: dict[str, object]) -> None:
    assert params_sha256(params.study(**changes), "se") == params_sha256(ONE, "se")


def test_the_hash_of_params_leaves_out_the_number_of_the_card() -> None:
    first, second = (
        params.study(machine={"device": device, "precision": "float32", "threads": 1}) for device in ("cuda", "cuda:1")
    )
    assert params_sha256(first, "se") == params_sha256(second, "se")
