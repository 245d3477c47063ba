"""Gather-excite against timm's module where it has one, and against the formulas written out."""

from collections.abc import Callable
from math import log2
from typing import Any

import pytest
import timm.layers
import torch
from torch import Tensor, nn

from attnbench.study import attention

FLAVOURS = ["theta_minus", "theta", "theta_plus"]
SIZES = [(8, 8), (9, 5), (1, 1), (3, 7)]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]


def build(channels: int, size: tuple[int, int], **options: Any) -> nn.Module:
    module: nn.Module = attention.build("gather_excite", channels, size, options)
    return module


def maps_of(channels: int, size: tuple[int, int]) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def copied(ours: nn.Module) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    return copies, list(zip(ours.parameters(), copies, strict=True))


class WrittenOut:
    """The formulas with no layer of torch.nn, taking the weights and the statistics in the order of the layers."""

    def __init__(
        self,
        ours: nn.Module,
        weights: list[Tensor],
        flavour: str,
        extent: str | int,
        *,
        bias: bool = True,
        gather_bias: bool = False,
    ) -> None:
        self.training, self.flavour, self.extent, self.bias = ours.training, flavour, extent, bias
        self.gather_bias = gather_bias
        self.weights = weights
        self.statistics = [buffer.clone() for buffer in ours.buffers() if buffer.is_floating_point()]

    def __call__(self, x: Tensor) -> Tensor:
        self.left, self.seen = iter(self.weights), iter(self.statistics)
        z = self.means(x) if self.flavour == "theta_minus" else self.learned(x)
        z = self.excited(z.clamp(min=0)) if self.flavour == "theta_plus" else z
        return x / (1 + torch.exp(-nearest(z, *x.shape[2:])))

    def means(self, x: Tensor) -> Tensor:
        h, w = x.shape[2:]
        if self.extent == "global":
            return x.flatten(2).sum(2)[:, :, None, None] / (h * w)
        e = int(self.extent)
        rows = [
            torch.stack([around(x, i, j, e - 1).flatten(2).mean(2) for j in range(0, w, e)], -1) for i in range(0, h, e)
        ]
        return torch.stack(rows, -2)

    def learned(self, x: Tensor) -> Tensor:
        if self.extent == "global":
            return self.norm(self.shifted((x * next(self.left)[:, 0]).flatten(2).sum(2)[:, :, None, None]))
        for layer in range(int(log2(int(self.extent)))):
            x = self.norm(self.shifted(halved(x.clamp(min=0) if layer else x, next(self.left))))
        return x

    def shifted(self, z: Tensor) -> Tensor:
        return z + next(self.left)[:, None, None] if self.gather_bias else z

    def norm(self, z: Tensor) -> Tensor:
        gamma, beta, mean, variance = next(self.left), next(self.left), next(self.seen), next(self.seen)
        if self.training:
            mean, variance = z.mean((0, 2, 3)), z.var((0, 2, 3), unbiased=False)
        gamma, beta, mean, variance = (part[:, None, None] for part in (gamma, beta, mean, variance))
        return gamma * (z - mean) / torch.sqrt(variance + 1e-5) + beta

    def excited(self, z: Tensor) -> Tensor:
        for layer in range(2):
            z = z.clamp(min=0) if layer else z
            z = torch.einsum("dc,nchw->ndhw", next(self.left)[:, :, 0, 0], z)
            z = z + next(self.left)[:, None, None] if self.bias else z
        return z


def around(x: Tensor, i: int, j: int, reach: int) -> Tensor:
    """What the map holds of the window around a position."""
    return x[:, :, max(0, i - reach) : i + reach + 1, max(0, j - reach) : j + reach + 1]


def halved(x: Tensor, kernel: Tensor) -> Tensor:
    """A depth-wise 3x3 convolution at every other position, zeros beyond the border."""
    n, c, h, w = x.shape
    wide = x.new_zeros(n, c, h + 2, w + 2)
    wide[:, :, 1 : h + 1, 1 : w + 1] = x
    taps = [
        kernel[:, 0, i, j, None, None] * wide[:, :, i : i + h : 2, j : j + w : 2] for i in range(3) for j in range(3)
    ]
    return sum(taps)


def nearest(z: Tensor, h: int, w: int) -> Tensor:
    rows = [i * z.shape[2] // h for i in range(h)]
    columns = [j * z.shape[3] // w for j in range(w)]
    return z[:, :, rows][:, :, :, columns]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("extent", ["global", 2, 4, 8])
@pytest.mark.parametrize("theta", FLAVOURS)
def test_it_is_the_formula(jolted, assert_same, theta: str, extent, size: tuple[int, int], training: bool) -> None:
    ours = jolted(build(8, size, flavour=theta, extent=extent, reduction=2)).train(training)
    weights, pairs = copied(ours)
    assert_same(ours, WrittenOut(ours, weights, theta, extent), pairs, maps_of(8, size))


@pytest.mark.parametrize("extent", ["global", 4])
def test_the_excitation_may_lack_its_biases(jolted, assert_same, extent) -> None:
    ours = jolted(build(32, (9, 5), flavour="theta_plus", extent=extent, bias=False)).eval()
    weights, pairs = copied(ours)
    assert weights[-1].shape[:2] == (32, 2)  # r = 16
    assert_same(ours, WrittenOut(ours, weights, "theta_plus", extent, bias=False), pairs, maps_of(32, (9, 5)))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("extent", ["global", 2, 8])
@pytest.mark.parametrize("theta", ["theta", "theta_plus"])
def test_gathering_convolutions_may_have_biases(jolted, assert_same, theta: str, extent, training: bool) -> None:
    ours = jolted(build(8, (9, 5), flavour=theta, extent=extent, gather_bias=True)).train(training)
    weights, pairs = copied(ours)
    assert_same(ours, WrittenOut(ours, weights, theta, extent, gather_bias=True), pairs, maps_of(8, (9, 5)))


@pytest.mark.parametrize("extent", ["global", 4])
def test_a_bias_before_a_norm_changes_nothing_in_training(jolted, extent) -> None:
    module, x = jolted(build(8, (8, 4), extent=extent, gather_bias=True)), maps_of(8, (8, 4))
    shifted = [
        parameter
        for part in module.gather.modules()
        for name, parameter in part.named_parameters(recurse=False)
        if name == "bias" and not isinstance(part, nn.BatchNorm2d)
    ]
    assert len(shifted) == (1 if extent == "global" else 2)
    with torch.no_grad():
        trained, evaluated = module.train()(x), module.eval()(x)
        for bias in shifted:
            bias.add_(3)
        torch.testing.assert_close(module.train()(x), trained)
        assert (module.eval()(x) - evaluated).abs().max() > 0.01


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("extent", ["global", 2, 4, 8])
def test_without_parameters_it_is_timms(assert_same, extent, size: tuple[int, int]) -> None:
    theirs = timm.layers.GatherExcite(8, extent=0 if extent == "global" else extent, use_mlp=False)
    assert_same(build(8, size, flavour="theta_minus", extent=extent), theirs, [], maps_of(8, size))


def test_the_default_is_global_theta() -> None:
    assert [tuple(parameter.shape) for parameter in build(8, (6, 4)).parameters()] == [(8, 1, 6, 4), (8,), (8,)]


@pytest.mark.parametrize("theta", ["theta", "theta_plus"])
def test_a_global_extent_with_parameters_belongs_to_one_size(theta: str) -> None:
    module = build(8, (8, 4), flavour=theta).eval()
    message = "built for maps of 8 x 4 and got 4 x 8; .* Take an extent of 2, 4 or 8, or theta_minus"
    for call in (module, module.maps):
        with pytest.raises(ValueError, match=message):
            call(torch.zeros(2, 8, 4, 8))


@pytest.mark.parametrize(("theta", "extent"), [("theta_minus", "global"), ("theta", 4), ("theta_plus", 2)])
def test_the_others_take_any_size(theta: str, extent) -> None:
    module = build(8, (8, 4), flavour=theta, extent=extent).eval()
    x = torch.rand(2, 8, 5, 7)
    assert module(x).shape == x.shape


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("gather_bias", [False, True])
def test_the_own_backward_pass_keeps_types_under_autocast(layout, dtype, gather_bias: bool) -> None:
    torch.manual_seed(0)
    module = build(8, (6, 4), gather_bias=gather_bias).train(not gather_bias)  # a bias has a gradient in eval mode
    x = torch.randn(16, 8, 6, 4).contiguous(memory_format=layout)
    gradients = []
    for autocast in (False, True):
        given = (x.to(dtype) if autocast else x).clone().requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            y = module(given)
        assert y.dtype == given.dtype
        gradients.append(torch.autograd.grad((y.float() ** 2).sum(), [given, *module.parameters()]))
    for exact, rounded, tensor in zip(*gradients, [given, *module.parameters()], strict=True):
        assert rounded.dtype == tensor.dtype
        assert (rounded.float() - exact).abs().mean() < 0.05 * exact.abs().mean()


def test_weights_start_as_the_authors() -> None:
    torch.manual_seed(0)
    for options, taps in (
        ({}, 8 * 8),
        ({"extent": 8}, 9),
        ({"gather_bias": True}, 64),
        ({"extent": 8, "gather_bias": True}, 9),
    ):
        module = build(512, (8, 8), flavour="theta_plus", **options)
        for name, weight in module.named_parameters():
            if weight.ndim == 1:
                assert weight.eq(1 if "gather" in name and "weight" in name else 0).all()
            else:
                deviation = 0.01 if weight.shape[2:] == (1, 1) else (2 / taps) ** 0.5
                assert weight.std().item() == pytest.approx(deviation, rel=0.05)
                assert weight.abs().max() > 3 * deviation  # a uniform of this deviation ends at sqrt(3) of it


def test_a_norm_that_sees_one_number_is_refused() -> None:
    for options in ({}, {"extent": 8}):
        module, x = build(8, (8, 8), **options), torch.rand(1, 8, 8, 8)
        with pytest.raises(ValueError, match="more than 1 value per channel"):
            module.train()(x)
        assert module.eval()(x).isfinite().all()


@pytest.mark.parametrize("channels", WIDTHS)
@pytest.mark.parametrize("extent", ["global", 2, 4, 8])
def test_parameters_by_formula(channels: int, extent) -> None:
    size, d = (7, 5), channels // 16
    gathered = channels * 35 + 2 * channels if extent == "global" else 11 * channels * int(log2(extent))
    plus = 2 * channels * d
    expected = [0, gathered, gathered + plus + d + channels, gathered + plus]
    options = [{"flavour": flavour} for flavour in FLAVOURS] + [{"flavour": "theta_plus", "bias": False}]
    biases = channels * (1 if extent == "global" else int(log2(extent)))
    options += [{**option, "gather_bias": True} for option in options]
    expected += [0, *(count + biases for count in expected[1:])]
    for option, count in zip(options, expected, strict=True):
        with torch.device("meta"):
            module = build(channels, size, extent=extent, **option)
        assert sum(parameter.numel() for parameter in module.parameters()) == count
        assert attention.parameter_count("gather_excite", channels, size, {"extent": extent, **option}) == count


def test_parameters_in_numbers() -> None:
    def count(channels: int, edge: int, **options: Any) -> int:
        return attention.parameter_count("gather_excite", channels, (edge, edge), options)

    assert [count(64, 8, flavour=flavour) for flavour in FLAVOURS] == [0, 4224, 4804]
    assert [count(64, 8, flavour=flavour, extent=8) for flavour in FLAVOURS] == [0, 2112, 2692]
    assert count(3, 8, flavour="theta_plus") == 3 * 66 + 2 * 3 + 1 + 3  # one hidden unit below C = r
    blocks = {(256, 56): 3, (512, 28): 4, (1024, 14): 6, (2048, 7): 3}
    assert 25_557_032 + sum(number * count(*block) for block, number in blocks.items()) == 31_106_600  # ResNet-50


@pytest.mark.parametrize("theta", FLAVOURS)
@pytest.mark.parametrize("extent", ["global", 4])
def test_its_cost_in_a_network(theta: str, extent, counted: Callable[..., Any]) -> None:
    options = {"flavour": theta, "extent": extent}
    counts = counted("gather_excite", **options)
    slots = {32: 16, 64: 8, 128: 4}  # channels: edge of the map
    found = 0
    for c, edge in slots.items():
        edges = [] if theta == "theta_minus" else [1] if extent == "global" else [edge // 2, edge // 4]
        window = edge**2 if extent == "global" else 9
        found += sum(c * window * left**2 for left in edges)
        found += 2 * c * (c // 16) * edges[-1] ** 2 if theta == "theta_plus" else 0
    assert counts.attention_macs == found
    assert counts.attention_parameters == sum(
        attention.parameter_count("gather_excite", c, (edge, edge), options) for c, edge in slots.items()
    )
