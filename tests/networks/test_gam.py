"""Global attention against its formula."""

from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_same, jolted, random_maps
from torch import Tensor


def gam(layers: Layers, x: Tensor, groups: int = 1, bounded: bool = True) -> Tensor:
    n, c, h, w = x.shape
    positions = x.permute(0, 2, 3, 1).reshape(-1, c)  # one row for each position of each image
    logits = layers.linear(layers.linear(positions).relu()).view(n, h, w, c).permute(0, 3, 1, 2)
    attended = x * (logits.sigmoid() if bounded else logits)
    hidden = layers.norm(layers.conv(attended, padding=3, groups=groups)).relu()
    gate = layers.norm(layers.conv(hidden, padding=3, groups=groups)).sigmoid()
    order = [group * (c // groups) + i for i in range(c // groups) for group in range(groups)]
    return attended * gate[:, order]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("options", [{}, {"groups": 2}, {"bounded": False}], ids=str)
@pytest.mark.parametrize("size", [(7, 5), (1, 1)], ids=str)
def test_it_is_the_formula(options: dict[str, Any], size: tuple[int, int], training: bool) -> None:
    assert_same(jolted("gam", 16, **options).train(training), gam, random_maps(16, size), **options)


def test_groups_divide_both_widths() -> None:
    module = jolted("gam", 24, reduction=4, groups=4)  # d = 6
    assert module.groups == 2
    assert torch.equal(module.gate(random_maps(24)) > 0, torch.ones(3, 24, 7, 5, dtype=torch.bool))
