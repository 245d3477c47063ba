"""Gather-excite against timm's module where it has one, and against its formulas."""

from math import log2
from typing import Any

import pytest
import timm.layers
import torch
from networks.reference import Layers, assert_same, attention, jolted, parameters, random_maps
from torch import Tensor, nn
from torch.nn import functional

from attnbench.networks.attention import gather_excite as gather_excite_file

FLAVOURS = ["theta_minus", "theta", "theta_plus"]
SIZES = [(8, 8), (9, 5), (1, 1), (3, 7)]


def gather_excite(
    layers: Layers, x: Tensor, flavour: str, extent: str | int, *, bias: bool = True, gather_bias: bool = False
) -> Tensor:
    z = means(x, extent) if flavour == "theta_minus" else learned(layers, x, extent, gather_bias=gather_bias)
    if flavour == "theta_plus":
        z = layers.conv(layers.conv(z.relu(), bias=bias).relu(), bias=bias)
    rows = [i * z.shape[2] // x.shape[2] for i in range(x.shape[2])]  # the nearest neighbour
    columns = [j * z.shape[3] // x.shape[3] for j in range(x.shape[3])]
    return x * z[:, :, rows][:, :, :, columns].sigmoid()


def means(x: Tensor, extent: str | int) -> Tensor:
    if extent == "global":
        return x.mean((2, 3), keepdim=True)
    e, (h, w) = int(extent), x.shape[2:]

    def window(i: int, j: int) -> Tensor:
        return x[:, :, max(0, i - e + 1) : i + e, max(0, j - e + 1) : j + e].mean((2, 3))

    rows = [torch.stack([window(i, j) for j in range(0, w, e)], -1) for i in range(0, h, e)]
    return torch.stack(rows, -2)


def learned(layers: Layers, x: Tensor, extent: str | int, *, gather_bias: bool) -> Tensor:
    if extent == "global":
        z = (x * layers.weight()[:, 0]).sum((2, 3), keepdim=True)
        return layers.norm(z + layers.weight()[:, None, None] if gather_bias else z)
    for layer in range(int(log2(int(extent)))):
        z = x.relu() if layer else x
        x = layers.norm(layers.conv(z, bias=gather_bias, stride=2, padding=1, groups=x.shape[1]))
    return x


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("extent", ["global", 2, 4, 8])
@pytest.mark.parametrize("flavour", FLAVOURS)
def test_it_is_the_formula(flavour: str, extent: str | int, size: tuple[int, int], training: bool) -> None:
    ours = jolted("gather_excite", 8, size, flavour=flavour, extent=extent, reduction=2).train(training)
    assert_same(ours, gather_excite, random_maps(8, size), flavour=flavour, extent=extent)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("extent", ["global", 2, 8])
@pytest.mark.parametrize(
    "options",
    [
        {"flavour": "theta", "gather_bias": True},
        {"flavour": "theta_plus", "gather_bias": True},
        {"flavour": "theta_plus", "bias": False},
    ],
    ids=str,
)
def test_biases_are_options(options: dict[str, Any], extent: str | int, training: bool) -> None:
    ours = jolted("gather_excite", 32, (9, 5), extent=extent, **options).train(training)
    assert_same(ours, gather_excite, random_maps(32, (9, 5)), extent=extent, **options)


@pytest.mark.parametrize("extent", ["global", 4])
def test_a_bias_before_a_norm_changes_nothing_in_training(extent: str | int) -> None:
    module, x = jolted("gather_excite", 8, (8, 4), extent=extent, gather_bias=True), random_maps(8, (8, 4))
    biases = [
        parameter
        for part in module.gather.modules()
        for name, parameter in part.named_parameters(recurse=False)
        if name == "bias" and not isinstance(part, nn.BatchNorm2d)
    ]
    assert len(biases) == (1 if extent == "global" else 2)
    with torch.no_grad():
        trained, evaluated = module.train()(x), module.eval()(x)
        for bias in biases:
            bias.add_(3)
        torch.testing.assert_close(module.train()(x), trained)
        assert (module.eval()(x) - evaluated).abs().max() > 0.01


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("extent", ["global", 2, 4, 8])
def test_without_parameters_it_is_timms(extent: str | int, size: tuple[int, int]) -> None:
    theirs = timm.layers.GatherExcite(8, extent=0 if extent == "global" else extent, use_mlp=False)
    assert_same(attention("gather_excite", 8, size, flavour="theta_minus", extent=extent), theirs, random_maps(8, size))


@pytest.mark.parametrize("flavour", ["theta", "theta_plus"])
def test_a_global_extent_with_parameters_is_tied_to_one_size(flavour: str) -> None:
    module = attention("gather_excite", 8, (8, 4), flavour=flavour).eval()
    message = "built for maps of 8 x 4 and got 4 x 8; .* Use an extent of 2, 4 or 8, or theta_minus"
    for call in (module, module.maps):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(2, 8, 4, 8))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("gather_bias", [False, True])
def test_its_backward_pass_keeps_types_under_autocast(
    layout: torch.memory_format, dtype: torch.dtype, gather_bias: bool
) -> None:
    module = attention("gather_excite", 8, (6, 4), gather_bias=gather_bias)
    module.train(not gather_bias)  # a bias has a gradient in eval mode
    x = torch.randn(16, 8, 6, 4).contiguous(memory_format=layout)
    gradients = []
    for autocast in (False, True):
        leaf = (x.to(dtype) if autocast else x).clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = module(leaf)
        assert y.dtype == leaf.dtype
        gradients.append(torch.autograd.grad((y.float() ** 2).sum(), [leaf, *module.parameters()]))
    for exact, rounded, tensor in zip(*gradients, [leaf, *module.parameters()], strict=True):
        assert rounded.dtype == tensor.dtype
        assert (rounded.float() - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_a_gate_that_is_interpolated_in_float32_is_rounded_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """As under CUDA's autocast."""
    interpolate = functional.interpolate
    monkeypatch.setattr(gather_excite_file, "interpolate", lambda x, size: interpolate(x.float(), size=size))
    module, x = attention("gather_excite", 8, (8, 8), extent=2).bfloat16(), torch.rand(2, 8, 8, 8).bfloat16()
    assert module(x).dtype == module.gate(x).dtype == torch.bfloat16


@pytest.mark.parametrize("options", [{}, {"extent": 8}], ids=str)
def test_a_batch_of_one_image_is_refused_in_train_mode_only(options: dict[str, Any]) -> None:
    module, x = attention("gather_excite", 8, (8, 8), **options), torch.rand(1, 8, 8, 8)
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(x)
    assert module.eval()(x).isfinite().all()


def test_a_resnet_50_has_the_authors_parameters() -> None:
    blocks = {(256, 56): 3, (512, 28): 4, (1024, 14): 6, (2048, 7): 3}
    with torch.device("meta"):
        added = sum(n * parameters(attention("gather_excite", c, (edge, edge))) for (c, edge), n in blocks.items())
    assert 25_557_032 + added == 31_106_600
