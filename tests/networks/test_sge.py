"""Spatial group-wise enhance against its formula and its header."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from torch import Tensor


def sge(layers: Layers, x: Tensor, groups: int) -> Tensor:
    """One image and one group at a time."""
    _, c, h, w = x.shape
    weight, bias = layers.weight(), layers.weight()
    size = c // groups
    images = []
    for image in x:
        parts = []
        for index in range(groups):
            group = image[index * size : (index + 1) * size]  # (c / g, h, w)
            similarity = sum(channel * channel.mean() for channel in group)
            distance = similarity - similarity.mean()
            deviation = (distance.square().sum() / max(1, h * w - 1)).sqrt()
            scores = weight[index] * (distance / (deviation + 1e-5)) + bias[index]
            parts.append(group / (1 + torch.exp(-scores)))
        images.append(torch.cat(parts))
    return torch.stack(images)


@pytest.mark.parametrize(("channels", "groups", "effective"), [(12, 64, 4), (8, 2, 2), (8, 64, 8), (15, 64, 1)])
@pytest.mark.parametrize("size", [(7, 5), (1, 2)], ids=str)
def test_it_is_the_formula(channels: int, groups: int, effective: int, size: tuple[int, int]) -> None:
    assert_same(jolted("sge", channels, groups=groups), sge, random_maps(channels, size), groups=effective)


def test_the_gate_starts_as_the_constant_of_the_header() -> None:
    gate = attention("sge", 64).gate(torch.randn(3, 64, 4, 4))
    torch.testing.assert_close(gate, torch.full_like(gate, 0.7310586))


def test_groups_that_are_the_same_everywhere_have_the_gate_of_the_bias_and_a_finite_gradient() -> None:
    module, x = jolted("sge", 4), random_maps(4)
    x[:, 1] = 0.5
    x.requires_grad_()
    gate = module.gate(x)
    torch.testing.assert_close(gate[:, 1], module.bias[1].sigmoid().expand(3, 7, 5))
    (gradient,) = torch.autograd.grad(gate.square().sum(), x)
    assert gradient.isfinite().all()


def test_no_group_sees_another() -> None:
    module, x = jolted("sge", 8, groups=4), random_maps(8)
    other = x.clone()
    other[:, 5] += torch.rand(7, 5)
    same = (module.gate(other) == module.gate(x)).flatten(2).all(2).all(0)
    assert same.tolist() == [True] * 4 + [False] * 2 + [True] * 2
