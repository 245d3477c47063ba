"""Parameters of single modules and of whole networks against published and independently counted figures."""

import json
from pathlib import Path
from typing import Any

import pytest

from attnbench.study import attention

TABLE = json.loads((Path(__file__).parents[1] / "oracles" / "parameters.json").read_text(encoding="utf-8"))
OPTIONS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "se with biases": (("se", {}), ("cam", {})),
    "se without biases": (("se", {"bias": False}), ("cam", {"bias": False})),
    "timm se": (("se", {"rounding": "div8"}),),
    "cbam official": (("cbam", {}),),
    "timm cbam": (("cbam", {"bias": False, "norm_weight": 1.0}),),
    "tutorial cbam": (("cbam", {"bias": False, "norm": False}),),
}


def test_every_column_is_compared() -> None:
    assert OPTIONS.keys() == TABLE["modules"]["columns"].keys()


@pytest.mark.parametrize("column", OPTIONS)
def test_parameters_of_a_module(column: str) -> None:
    for name, options in OPTIONS[column]:
        module = attention.load(name)
        counts = [module.parameter_count(channels, **options) for channels in TABLE["modules"]["channels"]]
        assert counts == TABLE["modules"]["columns"][column]


def test_kernels_of_eca() -> None:
    expected = dict(zip(TABLE["eca kernels"]["channels"], TABLE["eca kernels"]["kernels"], strict=True))
    eca = attention.load("eca")
    assert {channels: eca.adaptive_kernel(channels) for channels in expected} == expected
    assert {channels: eca.parameter_count(channels, kernel_size="adaptive") for channels in expected} == expected
    assert [eca.adaptive_kernel(channels) for channels in (1, 2, 4, 8)] == [3, 3, 3, 3]
    assert [eca.parameter_count(channels) for channels in (16, 2048)] == [3, 3]


def test_bottleneck_is_never_empty() -> None:
    cam = attention.load("cam")
    assert [cam.parameter_count(channels) for channels in (1, 3, 15)] == [2 + 1 + 1, 6 + 1 + 3, 30 + 1 + 15]
