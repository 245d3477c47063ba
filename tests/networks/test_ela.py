"""Efficient local attention against its formula."""

from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_same, jolted, random_maps
from torch import Tensor
from torch.nn import functional


def ela(layers: Layers, x: Tensor, mixed: int, norm_groups: int, shared: bool) -> Tensor:
    n, c = x.shape[:2]
    weights = [layers.weight() for _ in range(3 if shared else 6)]

    def gate(strip: Tensor, kernel: Tensor, scale: Tensor, shift: Tensor) -> Tensor:  # strip: (n, c, length)
        k = kernel.shape[2]
        windows = functional.pad(strip, (k // 2, k // 2)).unfold(2, k, 1)  # (n, c, length, k)
        first = [index // mixed * mixed for index in range(c)]  # of the channels that each channel sees
        convolved = torch.stack(
            [(windows[:, i : i + mixed] * kernel[index, :, None]).sum((1, 3)) for index, i in enumerate(first)], dim=1
        )
        groups = convolved.reshape(n, norm_groups, -1)
        centred = groups - groups.mean(2, keepdim=True)
        standardised = centred / (centred.square().mean(2, keepdim=True) + 1e-5).sqrt()
        return (standardised.view_as(strip) * scale[:, None] + shift[:, None]).sigmoid()

    rows, columns = gate(x.mean(3), *weights[:3]), gate(x.mean(2), *weights[-3:])
    return x * torch.einsum("nch,ncw->nchw", rows, columns)


@pytest.mark.parametrize(
    ("options", "mixed", "norm_groups"),
    [({}, 1, 4), ({"kernel_size": 5, "mixed": 8, "norm_groups": 6}, 4, 6), ({"shared": False}, 1, 4)],
)
@pytest.mark.parametrize("size", [(7, 5), (1, 3)], ids=str)
def test_it_is_the_formula(options: dict[str, Any], mixed: int, norm_groups: int, size: tuple[int, int]) -> None:
    formula = {"mixed": mixed, "norm_groups": norm_groups, "shared": options.get("shared", True)}
    assert_same(jolted("ela", 12, **options), ela, random_maps(12, size), **formula)
