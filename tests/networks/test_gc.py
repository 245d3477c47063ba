"""Global context against timm's module and its formula."""

import pytest
import timm.layers
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor, nn

FUSIONS = ["add", "scale", "both"]


def gc(layers: Layers, x: Tensor, fusion: str, pool: str) -> Tensor:
    positions = x.flatten(2)  # (n, c, h w)
    weights = torch.full_like(positions[:, :1], 1 / positions.shape[2])
    if pool == "attention":
        weights = layers.conv(x).flatten(2).softmax(2)
    context = (positions * weights).sum(2)

    def transformed() -> Tensor:
        hidden = layers.linear(context)
        deviation = hidden - hidden.mean(1, keepdim=True)
        normed = deviation / (deviation.square().mean(1, keepdim=True) + 1e-5).sqrt()
        return layers.linear((layers.weight() * normed + layers.weight()).relu())[:, :, None, None]

    term = 0 if fusion == "scale" else transformed()
    return (x if fusion == "add" else x * transformed().sigmoid()) + term


@pytest.mark.parametrize("size", [(7, 5), (1, 1), (4, 4)], ids=str)
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_is_the_formula(fusion: str, pool: str, size: tuple[int, int]) -> None:
    ours = jolted("gc", 32, reduction=4, fusion=fusion, pool=pool)
    assert_same(ours, gc, random_maps(32, size), fusion=fusion, pool=pool)


@pytest.mark.parametrize("channels", [16, 128])
@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_is_timms_with_the_authors_epsilon(fusion: str, pool: str, channels: int) -> None:
    theirs = timm.layers.GlobalContext(
        channels, use_attn=pool == "attention", fuse_add=fusion != "scale", fuse_scale=fusion != "add"
    )
    for module in theirs.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-5
    assert_same(jolted("gc", channels, reduction=8, fusion=fusion, pool=pool), theirs, random_maps(channels))


@pytest.mark.parametrize("pool", ["attention", "avg"])
def test_it_starts_as_the_identity_or_half_of_it(pool: str) -> None:
    x = random_maps(64).float()
    assert torch.equal(attention("gc", 64, pool=pool)(x), x)
    for fusion in ("scale", "both"):
        assert torch.equal(attention("gc", 64, pool=pool, fusion=fusion)(x), x / 2)


def test_with_one_hidden_unit_it_is_the_same_shift_for_every_image() -> None:
    """C < 2r, as in a network of 16 channels: the layer norm of one number is its bias."""
    x = random_maps(16)
    shifts = jolted("gc", 16)(x) - x
    assert shifts.abs().max() > 0.1
    torch.testing.assert_close(shifts, shifts[:1, :, :1, :1].expand_as(shifts))
    wider = jolted("gc", 16, reduction=4)
    assert (wider(x) - x)[:, :, 0, 0].std(0).max() > 0.1


@pytest.mark.parametrize("fusion", FUSIONS)
def test_maps_are_the_positions_and_the_gate(fusion: str) -> None:
    module, x = jolted("gc", 32, fusion=fusion).eval(), random_maps(32)
    logits, maps = module.pool.conv(x), module.maps(x)
    torch.testing.assert_close(maps["spatial"], torch.exp(logits - logits.amax((2, 3), keepdim=True)))
    assert ("channel" in maps) == (fusion != "add")
    if fusion != "add":  # what remains is a term, the same at every position
        terms = module(x) - x * maps["channel"]
        torch.testing.assert_close(terms, terms[:, :, :1, :1].expand_as(terms))
        assert bool(terms.abs().max() < 1e-12) == (fusion == "scale")


def test_the_map_of_an_average_is_the_same_everywhere() -> None:
    assert attention("gc", 32, pool="avg").maps(random_maps(32).float())["spatial"].eq(1).all()
