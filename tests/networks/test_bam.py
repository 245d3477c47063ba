"""Bottleneck attention against its formula."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor, nn

from attnbench.tools.contract.configurations import features


def gate(layers: Layers, x: Tensor, *, dilation: int = 4, fuse: str = "product", norms: str = "hidden") -> Tensor:
    def rectified(z: Tensor) -> Tensor:
        return (layers.norm(z) if norms == "hidden" else z).relu()

    def last(z: Tensor) -> Tensor:
        return z if norms == "hidden" else layers.norm(z)

    channel = last(layers.linear(rectified(layers.linear(x.mean((2, 3))))))[:, :, None, None]
    z = rectified(layers.conv(x))
    for _ in range(2):
        z = rectified(layers.conv(z, padding=dilation, dilation=dilation))
    spatial = last(layers.conv(z))  # (n, 1, h, w)
    return (channel * spatial if fuse == "product" else channel + spatial).sigmoid()


def bam(layers: Layers, x: Tensor, **options) -> Tensor:
    return x + x * gate(layers, x, **options)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (9, 9)], ids=str)
@pytest.mark.parametrize("options", [{}, {"fuse": "sum"}, {"norms": "last"}, {"fuse": "sum", "norms": "last"}], ids=str)
def test_it_is_the_formula(options: dict[str, str], size: tuple[int, int], training: bool) -> None:
    assert_same(jolted("bam", 24, reduction=6, **options).train(training), bam, random_maps(24, size), **options)


def test_the_dilation_is_an_option() -> None:
    assert_same(jolted("bam", 24, reduction=6, dilation=2).eval(), bam, random_maps(24), dilation=2)


def test_maps_are_the_means_of_the_gate() -> None:
    """Of s, not of 1 + s."""
    module, x = jolted("bam", 24, reduction=6).eval(), random_maps(24)
    expected, maps = gate(Layers(module), x), module.maps(x)
    torch.testing.assert_close(maps["channel"], expected.mean((2, 3), keepdim=True))
    torch.testing.assert_close(maps["spatial"], expected.mean(1, keepdim=True))


def test_norms_have_torchs_constants_and_start_at_one() -> None:
    norms = [part for part in attention("bam", 32).modules() if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d)]
    assert [(norm.momentum, norm.eps) for norm in norms] == [(0.1, 1e-5)] * 4
    assert all(norm.weight.eq(1).all() and not norm.bias.any() for norm in norms)


@pytest.mark.parametrize("norms", ["hidden", "last"])
def test_a_batch_of_one_image_is_refused_in_train_mode_only(norms: str) -> None:
    module, x = attention("bam", 32, norms=norms), features(32)[:1]
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        module.train()(x)
    assert module.eval()(x).isfinite().all()
