"""Effective squeeze-excitation against timm's module and its formula."""

import pytest
import timm.layers
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor

from attnbench.tools.contract.configurations import features


@pytest.mark.parametrize("channels", [3, 64])
@pytest.mark.parametrize("size", [(7, 5), (1, 1)], ids=str)
def test_it_is_timms(channels: int, size: tuple[int, int]) -> None:
    """In float32, in which torch computes the slope of a hard sigmoid, 1 / 6, whatever the type."""
    x = random_maps(channels, size).float()
    assert_same(jolted("ese", channels).float(), timm.layers.EffectiveSEModule(channels), x)


def ese(layers: Layers, x: Tensor) -> Tensor:
    weight, bias = layers.weight(), layers.weight()
    means = x.sum((2, 3)) / (x.shape[2] * x.shape[3])
    logits = torch.stack([(means * row).sum(1) for row in weight], dim=1) + bias
    return x / (1 + torch.exp(-logits))[:, :, None, None]


def test_with_a_sigmoid_it_is_the_papers_formula() -> None:
    assert_same(jolted("ese", 16, activation="sigmoid"), ese, random_maps(16))


def test_a_hard_sigmoid_opens_and_closes_completely() -> None:
    module = attention("ese", 64)
    torch.nn.init.normal_(module.excitation.weight)
    gate = module.gate(features())
    assert gate.eq(0).any()
    assert gate.eq(1).any()
