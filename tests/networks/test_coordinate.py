"""Coordinate attention against timm's module and its header."""

from typing import Any

import pytest
import torch
from networks.reference import assert_same, attention, jolted, random_maps
from timm.layers.coord_attn import CoordAttn


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (4, 4)], ids=str)
@pytest.mark.parametrize(("channels", "options"), [(4, {}), (64, {"bias": False}), (64, {"reduction": 4})])
def test_it_is_timms_of_the_same_width(
    channels: int, options: dict[str, Any], size: tuple[int, int], training: bool
) -> None:
    width = max(8, channels // options.get("reduction", 32))
    theirs = CoordAttn(channels, rd_channels=width, bias=options.get("bias", True))
    assert_same(jolted("coordinate", channels, **options).train(training), theirs, random_maps(channels, size))


@pytest.mark.parametrize("training", [True, False])
def test_the_gate_is_a_row_times_a_column(training: bool) -> None:
    gate = jolted("coordinate", 16).train(training).gate(random_maps(16))
    assert gate.shape == (3, 16, 7, 5)
    torch.testing.assert_close(gate[..., :1, :] * gate[..., :, :1], gate * gate[..., :1, :1])
    assert gate.std((2, 3)).gt(0).all()


def test_one_image_of_one_position_trains() -> None:
    """The norm sees two numbers: the row and the column."""
    assert attention("coordinate", 16).train()(torch.rand(1, 16, 1, 1)).isfinite().all()
