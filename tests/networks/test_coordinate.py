"""Coordinate attention against timm's module and against what its header says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from timm.layers.coord_attn import CoordAttn
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (4, 4)]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def width(channels: int, reduction: int = 32) -> int:
    return max(8, channels // reduction)


def copied(ours: nn.Module, theirs: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """Copy our weights into theirs, which stand in the same order, and return the pairs of parameters."""
    with torch.no_grad():
        for mine, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
            other.copy_(mine.reshape(other.shape))
    return list(zip(ours.parameters(), theirs.parameters(), strict=True))


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("channels", "options"), [(4, {}), (64, {"bias": False}), (64, {"reduction": 4})])
def test_it_is_timms_of_the_same_width(jolted, assert_same, channels, options, size, training) -> None:
    ours = jolted(attention.load("coordinate").build(channels, **options)).train(training)
    theirs = CoordAttn(
        channels, rd_channels=width(channels, options.get("reduction", 32)), bias=options.get("bias", True)
    )
    theirs = theirs.double().train(training)
    assert_same(ours, theirs, copied(ours, theirs), maps_of(channels, size))


def test_timm_as_it_comes_has_no_biases_and_another_width() -> None:
    count = attention.load("coordinate").parameter_count
    theirs = [sum(parameter.numel() for parameter in CoordAttn(channels).parameters()) for channels in (64, 512)]
    assert theirs == [1552, 36912]
    assert [count(channels, bias=False) for channels in (64, 512)] == [1552, 24608]


def test_parameters() -> None:
    family = attention.load("coordinate")
    assert family.parameter_count(64) == 1688
    for channels in WIDTHS:
        m = width(channels)
        assert family.parameter_count(channels) == 3 * channels * m + 3 * m + 2 * channels
        assert family.parameter_count(channels, bias=False) == 3 * channels * m + 2 * m


@pytest.mark.parametrize("training", [True, False])
def test_the_gate_is_a_row_times_a_column(jolted, training: bool) -> None:
    gate = jolted(attention.load("coordinate").build(16)).train(training).gate(maps_of(16))
    assert gate.shape == (3, 16, 7, 5)
    torch.testing.assert_close(gate[..., :1, :] * gate[..., :, :1], gate * gate[..., :1, :1])
    assert gate.std((2, 3)).gt(0).all()


def test_one_image_of_one_position_trains() -> None:
    """The norm sees two numbers: the row and the column."""
    module = attention.load("coordinate").build(16).train()
    assert module(torch.rand(1, 16, 1, 1)).isfinite().all()


def test_the_cost_of_a_network(counted: Callable[..., Any]) -> None:
    counts = counted("coordinate", "before_pool", (3, 16, 24))
    strips = {32: 16 + 24, 64: 8 + 12, 128: 4 + 6}
    assert counts.attention_macs == sum(2 * c * width(c) * positions for c, positions in strips.items())
    assert counts.attention_parameters == sum(attention.load("coordinate").parameter_count(c) for c in strips)
