"""Squeeze-and-excitation and ECA against timm, torchvision and their formulas, with all options."""

import pytest
import timm.layers
import torch
import torchvision.ops
from networks.reference import Layers, assert_same, attention, jolt, jolted, parameters, random_maps
from torch import Tensor, nn

WIDTHS = [16, 64, 128]
ACTIVATIONS = {
    "sigmoid": lambda t: 1 / (1 + torch.exp(-t)),
    "tanh": lambda t: 1 - 2 / (1 + torch.exp(2 * t)),
    "relu": lambda t: t * (t > 0),
    "hardsigmoid": lambda t: torch.minimum(torch.maximum(t / 6 + 0.5, torch.zeros(())), torch.ones(())),
}


def se(layers: Layers, x: Tensor, squeeze: str, activation: str) -> Tensor:
    positions = x.flatten(2)  # (n, c, h w)
    pools = {"avg": positions.mean(2, keepdim=True), "max": positions.amax(2, keepdim=True), "none": positions}
    z = pools[squeeze].transpose(1, 2)
    gate = ACTIVATIONS[activation](layers.linear(layers.linear(z).relu()))
    return (positions * gate.transpose(1, 2)).view_as(x)


@pytest.mark.parametrize("squeeze", ["avg", "max", "none"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_se_is_the_formula(squeeze: str, activation: str) -> None:
    ours, x = jolted("se", 32, reduction=4, squeeze=squeeze, activation=activation), random_maps(32)
    if activation == "hardsigmoid":  # torch computes its slope, 1 / 6, in float32 whatever the type
        ours, x = ours.float(), x.float()
    assert_same(ours, se, x, squeeze=squeeze, activation=activation)


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("bias", [True, False])
def test_se_rounded_to_eight_is_timms(channels: int, bias: bool) -> None:
    ours = jolted("se", channels, bias=bias, rounding="div8")
    assert_same(ours, timm.layers.SEModule(channels, bias=bias), random_maps(channels))


@pytest.mark.parametrize(("channels", "reduction"), [(24, 16), (40, 2), (200, 16), (208, 4), (1000, 3)])
def test_rounding_to_eight_is_timms_at_odd_widths(channels: int, reduction: int) -> None:
    ours = attention("se", channels, reduction=reduction, rounding="div8")
    assert parameters(ours) == parameters(timm.layers.SEModule(channels, rd_ratio=1 / reduction))


@pytest.mark.parametrize(("channels", "reduction"), [(16, 16), (64, 4), (128, 16)])
def test_se_is_torchvisions(channels: int, reduction: int) -> None:
    theirs = torchvision.ops.SqueezeExcitation(channels, channels // reduction)
    assert_same(jolted("se", channels, reduction=reduction), theirs, random_maps(channels))


def test_a_hard_sigmoid_is_torchvisions_of_mobilenet_v3() -> None:
    theirs = torchvision.ops.SqueezeExcitation(32, 8, scale_activation=nn.Hardsigmoid)
    assert_same(jolted("se", 32, reduction=4, activation="hardsigmoid"), theirs, random_maps(32))


def test_only_tanh_and_relu_leave_the_range_of_a_gate() -> None:
    ranges = {}
    for name in ACTIVATIONS:
        gate = jolted("se", 32, reduction=4, activation=name).gate(100 * random_maps(32)).detach()
        ranges[name] = float(gate.min()), float(gate.max())
    assert ranges["hardsigmoid"] == (0, 1)
    assert ranges["sigmoid"] == pytest.approx((0, 1), abs=1e-3)
    assert ranges["tanh"] == pytest.approx((-1, 1), abs=1e-3)
    assert ranges["relu"][0] == 0
    assert ranges["relu"][1] > 10


@pytest.mark.parametrize("channels", [1, 3, *WIDTHS, 2048])
def test_an_adaptive_eca_is_timms(channels: int) -> None:
    ours = jolted("eca", channels, kernel_size="adaptive")
    assert_same(ours, timm.layers.EcaModule(channels), random_maps(channels))


@pytest.mark.parametrize("kernel_size", [1, 3, 5, 9])
def test_an_eca_with_a_kernel_size_is_timms(kernel_size: int) -> None:
    ours = jolted("eca", 64, kernel_size=kernel_size)
    assert_same(ours, timm.layers.EcaModule(kernel_size=kernel_size), random_maps(64))


@pytest.mark.parametrize(("channels", "kernel_size"), [(32, 3), (32, 9), (4, 7), (1, 3)])
def test_an_eca_that_is_not_shared_has_one_kernel_per_channel(channels: int, kernel_size: int) -> None:
    def formula(layers: Layers, x: Tensor) -> Tensor:
        z, weights = x.mean((2, 3)), layers.weight()  # (n, c), (c, k)
        logits = []
        for c in range(channels):
            window = [c + i - kernel_size // 2 for i in range(kernel_size)]
            inside = [(i, j) for i, j in enumerate(window) if 0 <= j < channels]
            logits.append(sum(weights[c, i] * z[:, j] for i, j in inside))
        return x * torch.stack(logits, 1).sigmoid()[:, :, None, None]

    assert_same(jolted("eca", channels, kernel_size=kernel_size, shared=False), formula, random_maps(channels))


def test_equal_kernels_for_all_channels_are_timms_shared_one() -> None:
    ours, shared = attention("eca", 32, shared=False).double(), jolt(timm.layers.EcaModule())
    with torch.no_grad():
        ours.conv.weight.copy_(shared.conv.weight[0].expand(32, 3))
    torch.testing.assert_close(ours(random_maps(32)), shared(random_maps(32)))
