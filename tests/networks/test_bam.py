"""Bottleneck attention against the authors' formula written out, and their parameter counts."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (9, 9)]
COUNTED = {64: 1173, 128: 4457, 256: 17361, 512: 68513, 1024: 272193}  # the authors' code, run


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def copied(ours: nn.Module) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    return copies, list(zip(ours.parameters(), copies, strict=True))


class WrittenOut:
    """The formulas with no layer of torch.nn, taking the weights and the statistics in the order of the layers."""

    def __init__(self, ours: nn.Module, weights: list[Tensor], *, dilation: int, fuse: str, norms: str) -> None:
        self.training = ours.training
        self.dilation, self.fuse, self.hidden = dilation, fuse, norms == "hidden"
        self.weights = weights
        self.statistics = [buffer.clone() for buffer in ours.buffers() if buffer.is_floating_point()]

    def linear(self, z: Tensor) -> Tensor:
        weight, bias = next(self.left), next(self.left)
        return torch.einsum("dc,nc...->nd...", weight.reshape(weight.shape[:2]), z) + bias.view(-1, *[1] * (z.ndim - 2))

    def norm(self, z: Tensor) -> Tensor:
        gamma, beta, mean, variance = next(self.left), next(self.left), next(self.seen), next(self.seen)
        axes = [0, *range(2, z.ndim)]
        if self.training:
            mean, variance = z.mean(axes), z.var(axes, unbiased=False)
        gamma, beta, mean, variance = (part.view(-1, *[1] * (z.ndim - 2)) for part in (gamma, beta, mean, variance))
        return gamma * (z - mean) / torch.sqrt(variance + 1e-5) + beta

    def dilated(self, z: Tensor) -> Tensor:
        kernel, bias = next(self.left), next(self.left)
        n, c, h, w = z.shape
        gap = self.dilation
        wide = z.new_zeros(n, c, h + 2 * gap, w + 2 * gap)
        wide[:, :, gap : gap + h, gap : gap + w] = z
        taps = [
            torch.einsum("oc,nchw->nohw", kernel[:, :, i, j], wide[:, :, i * gap : i * gap + h, j * gap : j * gap + w])
            for i in range(3)
            for j in range(3)
        ]
        return sum(taps) + bias.view(-1, 1, 1)

    def rectified(self, z: Tensor) -> Tensor:
        z = self.norm(z) if self.hidden else z
        return z * (z > 0)

    def last(self, z: Tensor) -> Tensor:
        return z if self.hidden else self.norm(z)

    def gate(self, x: Tensor) -> Tensor:
        self.left, self.seen = iter(self.weights), iter(self.statistics)
        channel = self.last(self.linear(self.rectified(self.linear(x.flatten(2).sum(2) / x[0, 0].numel()))))
        z = self.rectified(self.linear(x))
        z = self.rectified(self.dilated(self.rectified(self.dilated(z))))
        spatial = self.last(self.linear(z))  # (n, 1, h, w)
        channel = channel[:, :, None, None]
        return 1 / (1 + torch.exp(-(channel * spatial if self.fuse == "product" else channel + spatial)))

    def __call__(self, x: Tensor) -> Tensor:
        return x + x * self.gate(x)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("norms", ["hidden", "last"])
@pytest.mark.parametrize("fuse", ["product", "sum"])
def test_it_is_the_formula(jolted, assert_same, fuse: str, norms: str, size: tuple[int, int], training: bool) -> None:
    ours = jolted(attention.load("bam").build(24, reduction=6, fuse=fuse, norms=norms)).train(training)
    weights, pairs = copied(ours)
    assert_same(ours, WrittenOut(ours, weights, dilation=4, fuse=fuse, norms=norms), pairs, maps_of(24, size))


def test_its_defaults_are_the_authors(jolted, assert_same) -> None:
    ours = jolted(attention.load("bam").build(48)).train()
    weights, pairs = copied(ours)
    assert weights[0].shape == (3, 48)
    assert_same(ours, WrittenOut(ours, weights, dilation=4, fuse="product", norms="hidden"), pairs, maps_of(48))


def test_the_dilation_is_an_option(jolted, assert_same) -> None:
    ours = jolted(attention.load("bam").build(24, reduction=6, dilation=2)).eval()
    weights, pairs = copied(ours)
    assert_same(ours, WrittenOut(ours, weights, dilation=2, fuse="product", norms="hidden"), pairs, maps_of(24))


def test_maps_are_the_means_of_the_gate_alone(jolted) -> None:
    """Of s, not of 1 + s."""
    module, x = jolted(attention.load("bam").build(24, reduction=6)).eval(), maps_of(24)
    gate = WrittenOut(module, copied(module)[0], dilation=4, fuse="product", norms="hidden").gate(x)
    maps = module.maps(x)
    torch.testing.assert_close(maps["channel"], gate.mean((2, 3), keepdim=True))
    torch.testing.assert_close(maps["spatial"], gate.mean(1, keepdim=True))


def test_norms_have_torchs_constants_and_start_at_one() -> None:
    module, x = attention.load("bam").build(32), maps_of(32).float()
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert len(norms) == 4
    for norm in norms:
        assert (norm.momentum, norm.eps) == (0.1, 1e-5)
        assert norm.weight.eq(1).all()
        assert not norm.bias.any()
    module.train()(x)
    assert norms[0].running_mean is not None
    hidden = next(part for part in module.modules() if isinstance(part, nn.Linear))(x.mean((2, 3)))
    torch.testing.assert_close(norms[0].running_mean, 0.1 * hidden.mean(0))


@pytest.mark.parametrize("norms", ["hidden", "last"])
def test_a_batch_of_one_image_is_refused_in_train_mode_alone(norms: str) -> None:
    module, x = attention.load("bam").build(32, norms=norms), maps_of(32).float()[:1]
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(x)
    assert module.eval()(x).isfinite().all()


def test_parameters_are_those_of_the_authors_code() -> None:
    assert {channels: attention.load("bam").parameter_count(channels) for channels in COUNTED} == COUNTED


@pytest.mark.parametrize("channels", [1, 16, 32, 64, 128, 256, 512, 1024, 2048])
def test_parameters_by_formula(channels: int) -> None:
    bam = attention.load("bam")
    for reduction in (4, 16):
        d = max(1, channels // reduction)
        shared = 3 * channels * d + 18 * d**2 + channels + 1
        for norms, count in {"hidden": shared + 13 * d, "last": shared + 5 * d + 2 * channels + 2}.items():
            with torch.device("meta"):
                module = bam.build(channels, reduction=reduction, norms=norms)
            assert sum(parameter.numel() for parameter in module.parameters()) == count
            assert bam.parameter_count(channels, reduction=reduction, norms=norms) == count
    assert bam.parameter_count(64, norms="last") == 1271


def test_its_cost_in_a_network(counted: Callable[..., Any]) -> None:
    counts = counted("bam")
    slots = {32: (2, 16 * 16), 64: (4, 8 * 8), 128: (8, 4 * 4)}  # channels: hidden units, positions
    assert counts.attention_macs == sum(2 * c * d + hw * (c * d + 18 * d**2 + d) for c, (d, hw) in slots.items())
    assert counts.attention_parameters == sum(attention.load("bam").parameter_count(c) for c in slots)
