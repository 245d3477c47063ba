"""Parameters of the attention modules: the formulas of the papers, written here a second time, and published counts.

A new module of attnbench needs a formula in this table.
"""

import json
from collections.abc import Callable
from math import gcd, log2
from pathlib import Path
from typing import Any

import pytest
import timm.layers
import torch
from networks.reference import CONFIGURATIONS, attention, parameters
from timm.layers.coord_attn import CoordAttn
from timm.layers.non_local_attn import NonLocalAttn
from torch import nn

from attnbench.study import attention as modules
from attnbench.tools.contract.configurations import Configuration

Size = tuple[int, int]
WIDTHS = [1, 3, 15, 64, 100, 512, 2048]
SIZE = (6, 5)
PUBLISHED = json.loads((Path(__file__).parents[1] / "oracles" / "parameters.json").read_text(encoding="utf-8"))


def bam(c: int, size: Size, reduction: int = 16, norms: str = "hidden", **_: Any) -> int:
    d = max(1, c // reduction)
    return 3 * c * d + 18 * d**2 + c + 1 + (13 * d if norms == "hidden" else 5 * d + 2 * c + 2)


def cam(c: int, size: Size, reduction: int = 16, bias: bool = True, rounding: str = "floor", **_: Any) -> int:
    d = max(1, c // reduction) if rounding == "floor" else max(8, int(c / reduction + 4) // 8 * 8)
    return 2 * c * d + (d + c if bias else 0)


def cbam(c: int, size: Size, **options: Any) -> int:
    return cam(c, size, **options) + sam(c, size, **options)


def constant(c: int, size: Size, **_: Any) -> int:
    return 0


def coordinate(c: int, size: Size, reduction: int = 32, bias: bool = True, **_: Any) -> int:
    m = max(8, c // reduction)
    return 3 * c * m + 2 * m + (m + 2 * c if bias else 0)


def eca(
    c: int, size: Size, kernel_size: int | str = 3, shared: bool = True, gamma: float = 2, b: float = 1, **_: Any
) -> int:
    if kernel_size == "adaptive":
        t = int(abs(log2(c) / gamma + b / gamma))
        kernel_size = max(3, t + 1 - t % 2)
    return int(kernel_size) * (1 if shared else c)


def ela(
    c: int, size: Size, kernel_size: int = 7, mixed: int = 1, norm_groups: int = 16, shared: bool = True, **_: Any
) -> int:
    return (1 if shared else 2) * (c * kernel_size * gcd(c, mixed) + 2 * c)


def ema(c: int, size: Size, groups: int = 32, **_: Any) -> int:
    width = c // gcd(c, groups)
    return width * (width + 1) + width * (9 * width + 1) + 2 * width


def ese(c: int, size: Size, **_: Any) -> int:
    return (c + 1) * c


def gam(c: int, size: Size, reduction: int = 4, groups: int = 1, **_: Any) -> int:
    d = max(1, c // reduction)
    g = gcd(gcd(c, d), groups)
    return cam(c, size, reduction) + 49 * d * (c // g) + 3 * d + 49 * c * (d // g) + 3 * c


def gather_excite(
    c: int,
    size: Size,
    flavour: str = "theta",
    extent: str | int = "global",
    reduction: int = 16,
    bias: bool = True,
    gather_bias: bool = False,
    **_: Any,
) -> int:
    if flavour == "theta_minus":
        return 0
    layers = 1 if extent == "global" else int(log2(int(extent)))
    taps = size[0] * size[1] if extent == "global" else 9
    gathered = layers * (taps * c + 2 * c + (c if gather_bias else 0))
    return gathered + (cam(c, size, reduction, bias) if flavour == "theta_plus" else 0)


def gc(c: int, size: Size, reduction: int = 16, fusion: str = "add", pool: str = "attention", **_: Any) -> int:
    d = max(1, c // reduction)
    transform = 2 * c * d + c + 3 * d
    return (2 if fusion == "both" else 1) * transform + (c + 1 if pool == "attention" else 0)


def lska(c: int, size: Size, kernel: int = 7, **_: Any) -> int:
    near, far = {7: (3, 3), 11: (3, 5), 23: (5, 7), 35: (5, 11), 41: (5, 13), 53: (5, 17)}[kernel]
    return c * (c + 1) + 2 * c * (near + 1) + 2 * c * (far + 1)


def mlca(
    c: int, size: Size, local_size: int = 5, local_weight: float = 0.5, gamma: float = 2, b: float = 1, **_: Any
) -> int:
    t = int(abs(log2(c) / gamma + b / gamma))
    return 2 * (t + 1 - t % 2)


def non_local(
    c: int, size: Size, reduction: int = 2, norm: bool = True, mode: str = "embedded_gaussian", **_: Any
) -> int:
    m = max(1, c // reduction)
    similarity = {"gaussian": 0, "concatenation": 2 * c * m + 4 * m}.get(mode, 2 * c * m + 2 * m)
    return similarity + 2 * c * m + m + c + (2 * c if norm else 0)


def psa_simple(c: int, size: Size, reduction: int = 4) -> int:
    m = max(1, c // reduction)
    return 2 * c * m + 2 * m * m + 3 * m + c


def psanet(
    c: int,
    size: Size,
    reduction: int = 4,
    direction: str = "both",
    compact: bool = False,
    softmax: bool = True,
    shrink: int = 1,
    adapter: str = "residual",
) -> int:
    m, branches = max(1, c // reduction), 2 if direction == "both" else 1
    h, w = ((edge - 1) // shrink + 1 for edge in size)
    offsets = h * w if compact else (2 * h - 1) * (2 * w - 1)
    fusion = 2 * c * c + 2 * c if adapter == "concat" else 0
    return branches * (c * m + m * m + m * offsets + 4 * m) + branches * c * m + 2 * c + fusion


def sam(c: int, size: Size, kernel_size: int = 7, norm: bool = True, descriptor: str = "both", **_: Any) -> int:
    maps = 2 if descriptor == "both" else 1
    return maps * kernel_size**2 + (2 if norm else 0) + (c if descriptor == "conv" else 0)


def sge(c: int, size: Size, groups: int = 64, **_: Any) -> int:
    return 2 * gcd(c, groups)


def shuffle(c: int, size: Size, groups: int = 64, **_: Any) -> int | None:
    return None if c % 2 else 6 * (c // 2 // gcd(c // 2, groups))


def simam(c: int, size: Size, **_: Any) -> int:
    return 0


def sk(c: int, size: Size, reduction: int = 16, minimum_width: int = 32, groups: int = 32, **_: Any) -> int:
    d = max(c // reduction, minimum_width)
    return 18 * c**2 // gcd(c, groups) + 4 * c + 3 * c * d + 2 * d


def srm(c: int, size: Size, style: str = "both", **_: Any) -> int:
    return (4 if style == "both" else 3) * c


def static(c: int, size: Size, over: str = "channels", **_: Any) -> int:
    h, w = size
    return {"channels": c, "positions": h * w, "both": c + h * w}[over]


def triplet(c: int, size: Size, kernel_size: int = 7, spatial: bool = True, **_: Any) -> int:
    return (3 if spatial else 2) * (2 * kernel_size**2 + 2)


FORMULAS: dict[str, Callable[..., int | None]] = {  # None: the width is refused
    "bam": bam,
    "cam": cam,
    "cbam": cbam,
    "constant": constant,
    "coordinate": coordinate,
    "eca": eca,
    "ela": ela,
    "ema": ema,
    "ese": ese,
    "gam": gam,
    "gather_excite": gather_excite,
    "gc": gc,
    "lska": lska,
    "mlca": mlca,
    "non_local": non_local,
    "psa_simple": psa_simple,
    "psanet": psanet,
    "sam": sam,
    "se": cam,
    "sge": sge,
    "shuffle": shuffle,
    "simam": simam,
    "sk": sk,
    "srm": srm,
    "static": static,
    "triplet": triplet,
}
MORE_OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {"reduction": 4}) for name in ("bam", "cam", "gc", "psanet", "se", "sk")),
    *((name, {"reduction": 4096}) for name in ("bam", "gc", "non_local", "se")),
    *(("se", {"rounding": "div8", "reduction": reduction}) for reduction in (2, 3)),
    *(("gc", {"fusion": "both", "pool": pool}) for pool in ("attention", "avg")),
    *(
        ("gather_excite", {"flavour": flavour, "extent": extent, "gather_bias": gather_bias})
        for flavour in ("theta", "theta_plus")
        for extent in (2, 4, 8)
        for gather_bias in (False, True)
    ),
    ("psanet", {"shrink": 2, "direction": "distribute", "compact": True}),
    ("sk", {"minimum_width": 1, "groups": 6}),
    *(("gam", {"groups": 4, "reduction": reduction}) for reduction in (2, 3)),
    *((name, {"groups": 6}) for name in ("ema", "sge", "shuffle")),
    ("ela", {"mixed": 8, "shared": False}),
    ("cbam", {"descriptor": "conv", "bias": False}),
]
COUNTED: list[tuple[str, int, Size, dict[str, Any], int]] = [  # the numbers in the headers of the modules
    *(  # Park et al.'s code, run
        ("bam", c, SIZE, {}, count) for c, count in {64: 1173, 128: 4457, 256: 17361, 512: 68513, 1024: 272193}.items()
    ),
    ("bam", 64, SIZE, {"norms": "last"}, 1271),
    ("coordinate", 64, SIZE, {}, 1688),
    ("coordinate", 64, SIZE, {"bias": False}, 1552),
    ("coordinate", 512, SIZE, {"bias": False}, 24608),
    ("eca", 64, SIZE, {"shared": False}, 192),
    ("ela", 64, SIZE, {}, 576),
    ("ela", 64, SIZE, {"kernel_size": 5, "norm_groups": 32}, 448),
    *(("ela", 64, SIZE, {"kernel_size": k, "mixed": 8}, count) for k, count in {5: 2688, 7: 3712}.items()),
    *(("ema", c, SIZE, {}, count) for c, count in {16: 14, 64: 48, 128: 176, 256: 672}.items()),
    ("ema", 64, SIZE, {"groups": 8}, 672),
    ("ese", 64, SIZE, {}, 4160),
    ("gam", 64, SIZE, {}, 102_720),
    ("gam", 64, SIZE, {"groups": 4}, 27_456),
    ("gather_excite", 64, (8, 8), {"flavour": "theta"}, 4224),
    ("gather_excite", 64, (8, 8), {"flavour": "theta_plus"}, 4804),
    ("gather_excite", 64, (8, 8), {"flavour": "theta", "extent": 8}, 2112),
    ("gather_excite", 64, (8, 8), {"flavour": "theta_plus", "extent": 8}, 2692),
    ("gc", 64, SIZE, {}, 653),
    ("gc", 64, SIZE, {"pool": "avg"}, 588),
    ("gc", 64, SIZE, {"fusion": "both"}, 1241),
    ("gc", 64, SIZE, {"reduction": 8, "fusion": "scale"}, 1177),
    *(("lska", 64, SIZE, {"kernel": kernel}, count) for kernel, count in {7: 5184, 23: 5952}.items()),
    *(("mlca", c, SIZE, {}, count) for c, count in {16: 6, 64: 6, 128: 10, 1024: 10}.items()),
    ("non_local", 64, SIZE, {}, 8480),
    ("non_local", 64, SIZE, {"norm": False}, 8352),
    ("non_local", 64, SIZE, {"mode": "gaussian"}, 4320),
    ("non_local", 64, SIZE, {"mode": "concatenation"}, 8544),
    ("psa_simple", 64, SIZE, {}, 2672),
    ("psanet", 2048, (59, 59), {"shrink": 2}, 8_291_328),
    ("psanet", 64, (32, 32), {"direction": "collect", "compact": True}, 18_880),
    ("sam", 64, SIZE, {}, 100),
    ("sam", 64, SIZE, {"descriptor": "avg"}, 51),
    ("sam", 64, SIZE, {"descriptor": "conv"}, 115),
    *(("sge", c, SIZE, {}, count) for c, count in {16: 32, 64: 128, 256: 128}.items()),
    *(("shuffle", c, SIZE, {}, count) for c, count in {64: 6, 256: 12, 512: 24}.items()),
    ("shuffle", 64, SIZE, {"groups": 8}, 24),
    ("sk", 64, SIZE, {}, 8768),
    ("srm", 64, SIZE, {}, 256),
    ("srm", 64, SIZE, {"style": "mean"}, 192),
    ("static", 64, (8, 8), {}, 64),
    ("static", 64, (8, 8), {"over": "positions"}, 64),
    ("static", 64, (8, 8), {"over": "both"}, 128),
    ("triplet", 64, SIZE, {}, 300),
    ("triplet", 64, SIZE, {"spatial": False}, 200),
]
COLUMNS: dict[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "se with biases": (("se", {}), ("cam", {})),
    "se without biases": (("se", {"bias": False}), ("cam", {"bias": False})),
    "timm se": (("se", {"rounding": "div8"}),),
    "cbam official": (("cbam", {}),),
    "timm cbam": (("cbam", {"bias": False, "norm_weight": 1.0}),),
    "tutorial cbam": (("cbam", {"bias": False, "norm": False}),),
}


def count(name: str, channels: int, size: Size = SIZE, **options: Any) -> int:
    """The parameters of the module, built without memory for them."""
    with torch.device("meta"):
        module = attention(name, channels, size, **options)
    assert all(parameter.requires_grad for parameter in module.parameters())
    return parameters(module)


def test_every_module_has_a_formula() -> None:
    assert sorted(FORMULAS) == modules.names()


@pytest.mark.parametrize(
    "case",
    [
        *CONFIGURATIONS,
        *(Configuration(name, options) for name, options in MORE_OPTIONS),
    ],
    ids=str,
)
def test_parameters_are_those_of_the_formula(case: Configuration) -> None:
    for channels in WIDTHS:
        expected = FORMULAS[case.name](channels, SIZE, **case.options)
        if expected is None:
            with pytest.raises(ValueError, match=f"{channels} channels .*; allowed: "):
                count(case.name, channels, **case.options)
        else:
            assert (channels, count(case.name, channels, **case.options)) == (channels, expected)


@pytest.mark.parametrize(("name", "channels", "size", "options", "expected"), COUNTED)
def test_parameters_are_those_of_the_header(
    name: str, channels: int, size: Size, options: dict[str, Any], expected: int
) -> None:
    assert count(name, channels, size, **options) == expected


def test_every_published_column_is_compared() -> None:
    assert COLUMNS.keys() == PUBLISHED["modules"]["columns"].keys()


@pytest.mark.parametrize("column", COLUMNS)
def test_parameters_are_the_published_ones(column: str) -> None:
    for name, options in COLUMNS[column]:
        counts = [count(name, channels, **options) for channels in PUBLISHED["modules"]["channels"]]
        assert counts == PUBLISHED["modules"]["columns"][column]


def test_kernels_of_an_adaptive_eca_are_the_published_ones() -> None:
    published = dict(zip(PUBLISHED["eca kernels"]["channels"], PUBLISHED["eca kernels"]["kernels"], strict=True))
    assert {channels: count("eca", channels, kernel_size="adaptive") for channels in published} == published


@pytest.mark.parametrize(
    ("gamma", "b", "widths", "kernels"),
    [
        (0.75, -3.25, (64, 128, 256, 512), [3, 5, 7, 7]),
        (0.75, -4.25, (64, 128, 256, 512), [3, 3, 5, 7]),
        (1.0, -5.0, (256, 512, 1024, 2048), [3, 5, 5, 7]),
        (0.75, -6.25, (256, 512, 1024, 2048), [3, 3, 5, 7]),
    ],
)
def test_kernels_by_stage_are_those_of_the_authors_networks(
    gamma: float, b: float, widths: tuple[int, ...], kernels: list[int]
) -> None:
    assert [count("eca", width, kernel_size="adaptive", gamma=gamma, b=b) for width in widths] == kernels


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        (CoordAttn(64), 1552),
        (CoordAttn(512), 36912),
        (NonLocalAttn(64), 2264),
        (timm.layers.EffectiveSEModule(64), 4160),
        (timm.layers.GlobalContext(64), 1177),
        (timm.layers.SEModule(64), 1096),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else str(value),
)
def test_timms_modules_have_the_parameters_that_the_headers_say(module: nn.Module, expected: int) -> None:
    assert parameters(module) == expected
