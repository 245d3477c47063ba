"""Global context against timm's module and against the formulas written out."""

from collections.abc import Callable
from typing import Any

import pytest
import timm.layers
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (4, 4)]
FUSIONS = ["add", "scale", "both"]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def copied(ours: nn.Module) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    return copies, list(zip(ours.parameters(), copies, strict=True))


def written_out(x: Tensor, weights: list[Tensor], fusion: str, pool: str) -> Tensor:
    """The formulas image by image, with no layer of torch.nn."""
    mask, rest = (weights[:2], weights[2:]) if pool == "attention" else ([], weights)
    images = []
    for image in x:
        positions = image.flatten(1)  # (c, h w)
        shares = torch.full_like(positions[0], 1 / positions.shape[1])
        if pool == "attention":
            exponentials = torch.exp(mask[0].flatten() @ positions + mask[1])
            shares = exponentials / exponentials.sum()
        context = (positions * shares).sum(1)
        gate = 1 if fusion == "add" else 1 / (1 + torch.exp(-transformed(context, rest[-6:])))
        term = 0 if fusion == "scale" else transformed(context, rest[:6])
        images.append(image * gate + term)
    return torch.stack(images)


def transformed(context: Tensor, weights: list[Tensor]) -> Tensor:
    w1, b1, gamma, beta, w2, b2 = weights
    hidden = w1 @ context + b1
    deviation = hidden - hidden.sum() / len(hidden)
    normed = gamma * deviation / torch.sqrt((deviation**2).sum() / len(hidden) + 1e-5) + beta
    return (w2 @ (normed * (normed > 0)) + b2)[:, None, None]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_is_the_formula(jolted, assert_same, fusion: str, pool: str, size: tuple[int, int]) -> None:
    ours = jolted(attention.load("gc").build(32, reduction=4, fusion=fusion, pool=pool))
    weights, pairs = copied(ours)
    assert_same(ours, lambda x: written_out(x, weights, fusion, pool), pairs, maps_of(32, size))


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_is_timms_with_the_authors_epsilon(jolted, assert_same, fusion: str, pool: str, channels: int) -> None:
    ours = jolted(attention.load("gc").build(channels, reduction=8, fusion=fusion, pool=pool))
    theirs = timm.layers.GlobalContext(
        channels, use_attn=pool == "attention", fuse_add=fusion != "scale", fuse_scale=fusion != "add"
    ).double()
    norms = [module for module in theirs.modules() if isinstance(module, nn.LayerNorm)]
    assert len(norms) == (2 if fusion == "both" else 1)
    for norm in norms:
        norm.eps = 1e-5
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine.reshape(other.shape))
    assert_same(ours, theirs, pairs, maps_of(channels))


@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_starts_as_the_identity_or_half_of_it(pool: str) -> None:
    x = maps_of(64).float()
    assert torch.equal(attention.load("gc").build(64, pool=pool)(x), x)
    for fusion in ("scale", "both"):
        assert torch.equal(attention.load("gc").build(64, pool=pool, fusion=fusion)(x), x / 2)


def test_the_weights_of_the_positions_start_as_hes_normal() -> None:
    torch.manual_seed(0)
    mask = next(module for module in attention.load("gc").build(4096).modules() if isinstance(module, nn.Conv2d))
    assert mask.weight.std().item() == pytest.approx((2 / 4096) ** 0.5, rel=0.05)
    assert mask.weight.abs().max() > 3 * (2 / 4096) ** 0.5  # a uniform of this deviation ends at sqrt(3) of it
    assert mask.bias is not None
    assert not mask.bias.any()


def test_with_one_hidden_unit_it_is_the_same_shift_for_every_image(jolted) -> None:
    """C < 2r, as in a network of 16 channels: the layer norm of one number is its bias."""
    module, x = jolted(attention.load("gc").build(16)), maps_of(16)
    shifts = module(x) - x
    assert shifts.abs().max() > 0.1
    torch.testing.assert_close(shifts, shifts[:1, :, :1, :1].expand_as(shifts))
    wider = jolted(attention.load("gc").build(16, reduction=4))
    assert (wider(x) - x)[:, :, 0, 0].std(0).max() > 0.1


def test_maps_are_the_positions_and_the_gate(jolted) -> None:
    x = maps_of(32)
    for fusion in FUSIONS:
        module = jolted(attention.load("gc").build(32, fusion=fusion)).eval()
        weight, bias = next(m for m in module.modules() if isinstance(m, nn.Conv2d)).parameters()
        logits = torch.einsum("c,nchw->nhw", weight.flatten(), x) + bias
        maps = module.maps(x)
        expected = torch.exp(logits - logits.amax((1, 2), keepdim=True))[:, None]
        torch.testing.assert_close(maps["spatial"], expected)
        assert ("channel" in maps) == (fusion != "add")
        if fusion == "scale":
            torch.testing.assert_close(module(x), x * maps["channel"])
    terms = module(x) - x * maps["channel"]  # of both fusions, the same at every position
    torch.testing.assert_close(terms, terms[:, :, :1, :1].expand_as(terms))
    assert attention.load("gc").build(32, pool="avg").maps(x)["spatial"].eq(1).all()


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("reduction", [4, 16, 4096])
def test_parameters_by_formula(channels: int, reduction: int) -> None:
    gc, d = attention.load("gc"), max(1, channels // reduction)
    count = 2 * channels * d + 2 * channels + 3 * d + 1
    with torch.device("meta"):
        module = gc.build(channels, reduction=reduction)
    assert sum(parameter.numel() for parameter in module.parameters()) == count
    assert gc.parameter_count(channels, reduction=reduction) == count
    assert gc.parameter_count(channels, reduction=reduction, fusion="scale") == count
    assert gc.parameter_count(channels, reduction=reduction, pool="avg") == count - channels - 1
    with torch.device("meta"):
        module = gc.build(channels, reduction=reduction, fusion="both")
    count += 2 * channels * d + channels + 3 * d
    assert sum(parameter.numel() for parameter in module.parameters()) == count
    assert gc.parameter_count(channels, reduction=reduction, fusion="both") == count


def test_parameters_in_numbers() -> None:
    gc = attention.load("gc")
    assert (gc.parameter_count(64), gc.parameter_count(64, pool="avg")) == (653, 588)
    assert gc.parameter_count(64, fusion="both") == 1241
    theirs = sum(parameter.numel() for parameter in timm.layers.GlobalContext(64).parameters())
    assert gc.parameter_count(64, reduction=8, fusion="scale") == theirs == 1177


@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_its_cost_in_a_network(pool: str, counted: Callable[..., Any]) -> None:
    counts = counted("gc", pool=pool)
    slots = {32: 16 * 16, 64: 8 * 8, 128: 4 * 4}
    positions = sum(2 * c * hw for c, hw in slots.items()) if pool == "attention" else 0  # logits, weighted sum
    assert counts.attention_macs == positions + sum(2 * c * (c // 16) for c in slots)
    assert counts.attention_parameters == sum(attention.load("gc").parameter_count(c, pool=pool) for c in slots)
