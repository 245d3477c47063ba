"""Selective kernel against timm's unit and against the formulas written out."""

from collections.abc import Callable
from math import gcd
from typing import Any

import pytest
import timm.layers
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (4, 4)]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def copied(ours: nn.Module) -> tuple[list[Tensor], list[tuple[Tensor, Tensor]]]:
    copies = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
    return copies, list(zip(ours.parameters(), copies, strict=True))


def grouped(x: Tensor, kernel: Tensor, dilation: int) -> Tensor:
    """A 3x3 convolution group by group and tap by tap, zeros beyond the border."""
    n, c, h, w = x.shape
    wide = x.new_zeros(n, c, h + 2 * dilation, w + 2 * dilation)
    wide[:, :, dilation : dilation + h, dilation : dilation + w] = x
    inside = kernel.shape[1]  # channels in a group
    groups = []
    for first in range(0, c, inside):
        taps = [
            torch.einsum(
                "oc,nchw->nohw",
                kernel[first : first + inside, :, i, j],
                wide[:, first : first + inside, i * dilation : i * dilation + h, j * dilation : j * dilation + w],
            )
            for i in range(3)
            for j in range(3)
        ]
        groups.append(sum(taps))
    return torch.cat(groups, 1)


class WrittenOut:
    """The formulas, with the weights and the norms' statistics in their order in the module."""

    def __init__(self, ours: nn.Module, weights: list[Tensor]) -> None:
        self.training = ours.training
        self.weights = weights
        self.statistics = [buffer.clone() for buffer in ours.buffers() if buffer.is_floating_point()]

    def normed(self, x: Tensor, gamma: Tensor, beta: Tensor, number: int) -> Tensor:
        axes = [0, *range(2, x.ndim)]
        mean, variance = self.statistics[2 * number : 2 * number + 2]
        if self.training:
            mean, variance = x.mean(axes), x.var(axes, unbiased=False)
        tail = [1] * (x.ndim - 2)
        scaled = (x - mean.view(-1, *tail)) / torch.sqrt(variance.view(-1, *tail) + 1e-5)
        return (gamma.view(-1, *tail) * scaled + beta.view(-1, *tail)).clamp(min=0)

    def branches(self, x: Tensor) -> tuple[Tensor, Tensor]:
        k1, g1, b1, k2, g2, b2 = self.weights[:6]
        return self.normed(grouped(x, k1, 1), g1, b1, 0), self.normed(grouped(x, k2, 2), g2, b2, 1)

    def share(self, near: Tensor, far: Tensor) -> Tensor:
        """The weight of the dilated convolution, (n, c, 1, 1)."""
        w1, gamma, beta, w2 = self.weights[6:]
        z = self.normed((near + far).mean((2, 3)) @ w1.t(), gamma, beta, 2)
        first, second = (z @ w2.t()).chunk(2, 1)
        return (1 / (1 + torch.exp(first - second)))[:, :, None, None]

    def __call__(self, x: Tensor) -> Tensor:
        near, far = self.branches(x)
        share = self.share(near, far)
        return (1 - share) * near + share * far


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("channels", "options"), [(16, {}), (24, {"groups": 9, "reduction": 2, "minimum_width": 5})])
def test_it_is_the_formula(jolted, assert_same, channels: int, options, size: tuple[int, int], training: bool) -> None:
    ours = jolted(attention.load("sk").build(channels, **options)).train(training)
    weights, pairs = copied(ours)
    assert_same(ours, WrittenOut(ours, weights), pairs, maps_of(channels, size))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("channels", [32, 64])
def test_it_is_timms_without_its_split(jolted, assert_same, channels: int, training: bool) -> None:
    ours = jolted(attention.load("sk").build(channels)).train(training)
    theirs = timm.layers.SelectiveKernel(channels, groups=32, rd_channels=32, split_input=False).double()
    pairs = list(zip(ours.parameters(), theirs.parameters(), strict=True))
    with torch.no_grad():
        for mine, other in pairs:
            other.copy_(mine.reshape(other.shape))
        for mine, other in zip(ours.buffers(), theirs.buffers(), strict=True):
            other.copy_(mine)
    assert_same(ours, theirs.train(training), pairs, maps_of(channels))


def test_its_map_is_the_share_of_the_dilated_convolution(jolted) -> None:
    module, x = jolted(attention.load("sk").build(16)).eval(), maps_of(16)
    reference = WrittenOut(module, copied(module)[0])
    maps = module.maps(x)
    assert maps.keys() == {"channel"}
    torch.testing.assert_close(maps["channel"], reference.share(*reference.branches(x)))


def test_its_weights_start_as_the_authors() -> None:
    torch.manual_seed(0)
    module = attention.load("sk").build(256)
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    linear = [part for part in module.modules() if isinstance(part, nn.Linear)]
    for part, deviation in [*((c, (2 / (9 * 8)) ** 0.5) for c in convolutions), *((fc, 0.01) for fc in linear)]:
        assert part.bias is None
        assert part.weight.std().item() == pytest.approx(deviation, rel=0.03)
        assert part.weight.abs().max() > 3 * deviation  # a uniform of this deviation ends at sqrt(3) of it


@pytest.mark.parametrize("channels", WIDTHS)
def test_parameters_by_formula(channels: int) -> None:
    sk = attention.load("sk")
    for options, minimum, groups in (({}, 32, 32), ({"minimum_width": 1, "groups": 6}, 1, 6)):
        d = max(channels // 16, minimum)
        count = 18 * channels**2 // gcd(channels, groups) + 4 * channels + 3 * channels * d + 2 * d
        with torch.device("meta"):
            module = sk.build(channels, **options)
        assert sum(parameter.numel() for parameter in module.parameters()) == count
        assert sk.parameter_count(channels, **options) == count


def test_parameters_in_numbers() -> None:
    sk = attention.load("sk")
    assert sk.parameter_count(64) == 8768
    with torch.device("meta"):
        attend = [part for name, part in sk.build(64).named_children() if name != "branches"]
    assert sum(parameter.numel() for part in attend for parameter in part.parameters()) == 6208


def test_widths_that_32_groups_do_not_divide() -> None:
    with torch.device("meta"):
        groups = [attention.load("sk").build(channels).branches[0][0].groups for channels in (1, 7, 16, 24, 96)]
    assert groups == [1, 1, 16, 8, 32]


def test_a_batch_of_one_image_is_refused_in_train_mode_alone() -> None:
    module, x = attention.load("sk").build(16), maps_of(16).float()[:1]
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(x)
    assert module.eval()(x).isfinite().all()


def test_its_cost_in_a_network(counted: Callable[..., Any]) -> None:
    counts = counted("sk")
    slots = {32: 16 * 16, 64: 8 * 8, 128: 4 * 4}
    assert counts.attention_macs == sum(2 * 9 * c * (c // 32) * hw + 3 * c * 32 for c, hw in slots.items())
    assert counts.attention_parameters == sum(attention.load("sk").parameter_count(c) for c in slots)
