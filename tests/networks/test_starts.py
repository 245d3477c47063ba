"""The weights that attention modules start with, against the formulas of the authors' code."""

from math import sqrt
from typing import Any, NamedTuple

import pytest
import torch
from networks.reference import attention
from torch import Tensor, nn

from attnbench.networks import initialisation
from attnbench.study import attention as modules


class Start(NamedTuple):
    """A distribution of mean 0: `largest` bounds its values in standard deviations, None for a normal one."""

    deviation: float
    largest: float | None = None


def normal(variance: float) -> Start:
    return Start(sqrt(variance))


def uniform(fan_in: int) -> Start:
    """torch's start of a linear layer or a convolution."""
    return Start(1 / sqrt(3 * fan_in), largest=sqrt(3))


ZERO = Start(0)
ONE = None
NORM = [ONE, ZERO]
C, D, K = 256, 64, 31  # channels, the width of a bottleneck at r = 4, and the edge of a kernel
BOTTLENECK = [uniform(C), ZERO, uniform(D), ZERO]
KERNEL = normal(2 / K**2)
CASES: list[tuple[str, dict[str, Any], list[Start | None]]] = [  # the starts of the parameters, in their order
    ("se", {}, BOTTLENECK),
    ("cam", {}, BOTTLENECK),
    ("sam", {}, [KERNEL, ZERO, ZERO]),
    ("cbam", {}, [*BOTTLENECK, KERNEL, ZERO, ZERO]),
    ("triplet", {}, [KERNEL, *NORM, KERNEL, *NORM, KERNEL, ZERO, ZERO]),
    (
        "bam",
        {},
        [
            *(uniform(C), ZERO, *NORM, uniform(D), ZERO),
            *(normal(2 / D), ZERO, *NORM, *2 * [normal(2 / (9 * D)), ZERO, *NORM], normal(2), ZERO),
        ],
    ),
    ("coordinate", {}, [normal(2 / D), ZERO, *NORM, normal(2 / C), ZERO, normal(2 / C), ZERO]),
    ("ese", {}, [normal(2 / C), uniform(C)]),
    ("gc", {}, [normal(2 / C), ZERO, uniform(C), uniform(C), *NORM, ZERO, ZERO]),
    ("lska", {}, [*4 * [normal(2 / 3), ZERO], normal(2 / C), ZERO]),
    ("non_local", {}, [*4 * [normal(1e-4), ZERO], ZERO, ZERO]),
    ("non_local", {"norm": False}, [*3 * [normal(1e-4), ZERO], ZERO, ZERO]),
    (
        "non_local",
        {"mode": "concatenation"},
        [*2 * [normal(1e-4), ZERO, uniform(D)], *2 * [normal(1e-4), ZERO], ZERO, ZERO],
    ),
    ("sk", {}, [*2 * [normal(2 / (9 * 8)), *NORM], normal(1e-4), *NORM, normal(1e-4)]),
    ("sge", {}, [ZERO, ONE]),
    ("shuffle", {}, [ZERO, ONE, ZERO, ONE, *NORM]),
    ("srm", {}, [ZERO, *NORM]),
    *(
        (
            "gather_excite",
            {"flavour": "theta_plus", "gather_bias": True, "extent": extent},
            [*layers * [normal(2 / taps), ZERO, *NORM], *2 * [normal(1e-4), ZERO]],
        )
        for extent, taps, layers in (("global", 64, 1), (4, 9, 2))
    ),
]


def built(name: str, channels: int = C, **options: Any) -> nn.Module:
    allowed = modules.options(name)
    settings = {key: value for key, value in {"reduction": 4, "kernel_size": K}.items() if key in allowed}
    torch.manual_seed(0)
    module: nn.Module = attention(name, channels, (8, 8), **settings | options)
    return module


def assert_starts(parameter: Tensor, start: Start | None) -> None:
    if start is ONE:
        assert parameter.eq(1).all()
    elif start is ZERO:
        assert parameter.eq(0).all()
    else:
        tolerance = max(0.03, 3 / sqrt(parameter.numel()))
        assert parameter.std().item() == pytest.approx(start.deviation, rel=tolerance)
        largest = parameter.abs().max().item() / start.deviation
        assert largest <= start.largest if start.largest else largest > 2


@pytest.mark.parametrize(
    ("name", "options", "starts"), CASES, ids=lambda value: "" if isinstance(value, list) else None
)
def test_weights_start_as_in_the_authors_code(name: str, options: dict[str, Any], starts: list[Start | None]) -> None:
    for parameter, start in zip(built(name, **options).parameters(), starts, strict=True):
        assert_starts(parameter.detach(), start)


@pytest.mark.parametrize("name", [name for name in modules.names() if "init" in modules.options(name)])
def test_torchs_start_is_an_option(name: str) -> None:
    """Every layer is then as torch creates it, and every norm is 1 and 0, but for `norm_weight` of `sam` and `cbam`."""
    for part in built(name, init="torch").modules():
        if isinstance(part, initialisation.Layer):
            fan_in = part.weight[0].numel()
            assert_starts(part.weight.detach(), uniform(fan_in))
            if isinstance(part.bias, Tensor):
                assert 0 < part.bias.abs().max() <= 1 / sqrt(fan_in)
        elif isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.LayerNorm):
            assert part.weight.eq("norm_weight" not in modules.options(name)).all()
            assert part.bias.eq(0).all()


@pytest.mark.parametrize(("init", "deviation"), [("authors", 0.02), ("torch", 0.14)])
def test_the_gates_of_a_narrow_se_start_as_its_header_says(init: str, deviation: float) -> None:
    x = torch.randn(8, 16, 8, 8, generator=torch.Generator().manual_seed(0)).relu()
    torch.manual_seed(0)
    gates = torch.stack([attention("se", 16, init=init).gate(x) for _ in range(300)])
    assert gates.std().item() == pytest.approx(deviation, abs=0.005)
    assert gates.mean().item() == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("name", modules.names())
def test_the_header_says_how_it_starts(name: str) -> None:
    assert "\nStart: " in modules.path(name).read_text(encoding="utf-8")


def test_every_module_that_does_not_start_as_torch_is_tested() -> None:
    assert {name for name, _, _ in CASES} == {
        "sge",
        "shuffle",
        "srm",
        *(name for name in modules.names() if "init" in modules.options(name)),
    }
