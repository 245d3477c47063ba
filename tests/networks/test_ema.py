"""Efficient multi-scale attention against its formula."""

import pytest
import torch
from networks.reference import Layers, assert_same, jolted, random_maps
from torch import Tensor
from torch.nn import functional


def ema(layers: Layers, x: Tensor, groups: int) -> Tensor:
    """One group of one image at a time; both softmaxes are of means over the map."""
    strip, strip_bias, window, window_bias, scale, shift = (layers.weight() for _ in range(6))
    return torch.cat(
        [
            torch.cat(
                [
                    _group(part, strip[:, :, None, None], strip_bias, window, window_bias, scale, shift)
                    for part in image[None].chunk(groups, 1)
                ],
                dim=1,
            )
            for image in x
        ]
    )


def _group(
    x: Tensor, strip: Tensor, strip_bias: Tensor, window: Tensor, window_bias: Tensor, scale: Tensor, shift: Tensor
) -> Tensor:
    """The formula of the header for one group (1, c / g, h, w)."""
    rows, columns = (functional.conv2d(x.mean(axis, keepdim=True), strip, strip_bias).sigmoid() for axis in (3, 2))
    p = functional.instance_norm(x * rows * columns, weight=scale, bias=shift)
    q = functional.conv2d(x, window, window_bias, padding=1)
    of_q, of_p = (torch.softmax(map_.mean((2, 3), keepdim=True), 1) for map_ in (p, q))
    scores = (of_q * q + of_p * p).sum(1, keepdim=True)
    return x / (1 + torch.exp(-scores))


@pytest.mark.parametrize(("channels", "groups", "effective"), [(12, 32, 4), (12, 2, 2), (8, 32, 8), (15, 32, 1)])
@pytest.mark.parametrize("size", [(7, 5), (1, 2)], ids=str)
def test_it_is_the_formula(channels: int, groups: int, effective: int, size: tuple[int, int]) -> None:
    assert_same(jolted("ema", channels, groups=groups), ema, random_maps(channels, size), groups=effective)


def test_the_channels_of_a_group_share_a_gate_that_no_other_group_sees() -> None:
    module, x = jolted("ema", 8, groups=4), random_maps(8)
    gate, other = module.gate(x), x.clone()
    assert torch.equal(gate[:, ::2], gate[:, 1::2])
    other[:, 5] += torch.rand(7, 5)
    same = (module.gate(other) == gate).flatten(2).all(2).all(0)
    assert same.tolist() == [True] * 4 + [False] * 2 + [True] * 2
