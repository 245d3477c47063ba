"""CBAM and its two halves, cam and sam, against timm and the paper's equations."""

from typing import Any

import pytest
import timm.layers.cbam
import torch
from networks.reference import (
    Layers,
    assert_equal_results,
    assert_same,
    attention,
    copy_state,
    jolted,
    random_maps,
)
from torch import Tensor, nn

from attnbench.tools.contract.configurations import features

POOLS = {
    "avg": lambda x: x.mean(2),
    "max": lambda x: x.max(2).values,
    "lp": lambda x: (x * x).sum(2) ** 0.5,
    "lse": lambda x: x.exp().sum(2).log(),
}


def ties(channels: int) -> Tensor:
    """Maps with many equal values, as after a ReLU."""
    return random_maps(channels).relu()


def cam(layers: Layers, x: Tensor, *, bias: bool = True, squeeze: str = "both", **_: Any) -> Tensor:
    pools = [POOLS[name](x.flatten(2)) for name in (("avg", "max") if squeeze == "both" else (squeeze,))]
    z = torch.stack(pools)  # (pools, n, c): the layers see all pools at once
    logits = layers.linear(layers.linear(z, bias=bias).relu(), bias=bias).sum(0)
    return x * logits.sigmoid()[:, :, None, None]


def sam(
    layers: Layers, x: Tensor, *, kernel_size: int = 7, norm: bool = True, descriptor: str = "both", **_: Any
) -> Tensor:
    largest, mean = x.max(1, keepdim=True).values, x.mean(1, keepdim=True)
    if descriptor == "conv":
        described = layers.conv(x, bias=False)
    else:
        described = {"both": torch.cat([largest, mean], 1), "avg": mean, "max": largest}[descriptor]
    logits = layers.conv(described, bias=False, padding=kernel_size // 2)
    return x * (layers.norm(logits) if norm else logits).sigmoid()


def cbam(layers: Layers, x: Tensor, **options: Any) -> Tensor:
    return sam(layers, cam(layers, x, **options), **options)


FORMULAS = {"cam": cam, "sam": sam, "cbam": cbam}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("cam", {}),
        ("cam", {"bias": False, "reduction": 4}),
        ("sam", {}),
        ("sam", {"kernel_size": 3, "norm": False}),
        ("cbam", {}),
        ("cbam", {"bias": False, "norm": False}),
        ("cbam", {"rounding": "div8", "kernel_size": 5}),
    ],
)
def test_it_is_the_papers_equations_with_ties(
    name: str, options: dict[str, Any], dtype: torch.dtype, training: bool
) -> None:
    ours = jolted(name, 32, **options).to(dtype).train(training)
    assert_same(ours, FORMULAS[name], ties(32).to(dtype), **options)


@pytest.mark.parametrize("squeeze", POOLS)
def test_cam_with_one_pool(squeeze: str) -> None:
    assert_same(jolted("cam", 32, reduction=4, squeeze=squeeze), cam, ties(32), squeeze=squeeze)


@pytest.mark.parametrize("descriptor", ["avg", "max", "conv"])
def test_sam_with_one_map(descriptor: str) -> None:
    options = {"kernel_size": 5, "norm": False, "descriptor": descriptor}
    assert_same(jolted("sam", 32, **options), sam, random_maps(32), **options)


@pytest.mark.parametrize("channels", [16, 64, 128])
@pytest.mark.parametrize("bias", [True, False])
def test_cam_is_timms(channels: int, bias: bool) -> None:
    theirs = timm.layers.cbam.ChannelAttn(channels, mlp_bias=bias)
    assert_same(jolted("cam", channels, bias=bias), theirs, random_maps(channels))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("bias", [True, False])
def test_cbam_is_timms(bias: bool, training: bool) -> None:
    """timm stacks [mean, max] where the authors stack [max, mean], so the planes of the spatial kernel are swapped."""
    ours = jolted("cbam", 64, bias=bias).train(training)
    theirs = timm.layers.cbam.CbamModule(64, mlp_bias=bias).double().train(training)
    copy_state(ours, theirs)
    with torch.no_grad():
        kernel = next(p for p in theirs.parameters() if p.shape == (1, 2, 7, 7))
        kernel.copy_(kernel.flip(1))
    pairs = [pair for pair in zip(ours.parameters(), theirs.parameters(), strict=True) if pair[0].shape != (1, 2, 7, 7)]
    assert_equal_results(ours, theirs, pairs, random_maps(64))


@pytest.mark.parametrize("arrangement", ["channel_first", "spatial_first", "parallel"])
@pytest.mark.parametrize(("squeeze", "descriptor"), [("both", "both"), ("max", "conv")])
def test_the_arrangements_of_cbam(arrangement: str, squeeze: str, descriptor: str) -> None:
    ours = jolted("cbam", 32, squeeze=squeeze, descriptor=descriptor, arrangement=arrangement).eval()
    channel = attention("cam", 32, squeeze=squeeze).double()
    spatial = attention("sam", 32, descriptor=descriptor).double().eval()
    copy_state(ours.channel, channel)
    copy_state(ours.spatial, spatial)
    functions = {
        "channel_first": lambda x: spatial(channel(x)),
        "spatial_first": lambda x: channel(spatial(x)),
        "parallel": lambda x: x * channel.gate(x) * spatial.gate(x),
    }
    pairs = list(zip(ours.parameters(), [*channel.parameters(), *spatial.parameters()], strict=True))
    assert_equal_results(ours, functions[arrangement], pairs, ties(32))
    others = [functions[name](ties(32)) for name in functions if name != arrangement]
    assert not any(torch.allclose(ours(ties(32)), other, rtol=1e-3) for other in others)


def test_the_spatial_norm_is_the_authors() -> None:
    """Its weight starts at 0, so that the gate is the constant 0.5, and its momentum is 0.01."""
    module, x = attention("sam", 64), features()
    assert torch.equal(module(x), 0.5 * x)
    norm = next(part for part in module.modules() if isinstance(part, nn.BatchNorm2d))
    assert (norm.momentum, norm.eps) == (0.01, 1e-5)


def test_the_first_of_equal_maxima_receives_the_whole_gradient() -> None:
    """As in the authors' max pools."""
    x = torch.zeros(1, 2, 2, 2, requires_grad=True)
    module = attention("cam", 2)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.fill_(1.0)
    (gradient,) = torch.autograd.grad(module.gate(x)[0, 0].sum(), x)
    from_mean, from_max = gradient[0, 0, 1, 1], gradient[0, 0, 0, 0] - gradient[0, 0, 1, 1]
    torch.testing.assert_close(from_max, 4 * from_mean)
