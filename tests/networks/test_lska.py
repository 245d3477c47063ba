"""Large separable kernel attention against its formula and its header."""

import pytest
import torch
from networks.reference import Layers, assert_same, jolted, random_maps
from torch import Tensor
from torch.nn import functional

KERNELS = {7: (3, 2, 3), 11: (3, 2, 5), 23: (5, 3, 7), 35: (5, 3, 11), 41: (5, 3, 13), 53: (5, 3, 17)}  # a, d, m


def lska(layers: Layers, x: Tensor, kernel: int) -> Tensor:
    """Each strip is a sum of shifted maps."""
    near, dilation, far = KERNELS[kernel]
    u = x
    for axis, length, step in ((3, near, 1), (2, near, 1), (3, far, dilation), (2, far, dilation)):
        weight, bias = layers.weight().view(-1, length), layers.weight()
        reach = step * (length // 2)
        padded = functional.pad(u, (reach, reach, 0, 0) if axis == 3 else (0, 0, reach, reach))
        shifted = [padded.narrow(axis, i * step, u.shape[axis]) * weight[:, i, None, None] for i in range(length)]
        u = sum(shifted) + bias[:, None, None]
    mixing, bias = layers.weight(), layers.weight()
    return x * (torch.einsum("oc,nchw->nohw", mixing[:, :, 0, 0], u) + bias[:, None, None])


@pytest.mark.parametrize("kernel", KERNELS)
def test_it_is_the_formula(kernel: int) -> None:
    assert_same(jolted("lska", 6, kernel=kernel), lska, random_maps(6, (7, 5)), kernel=kernel)


@pytest.mark.parametrize("kernel", KERNELS)
def test_its_window_has_the_size_of_its_name(kernel: int) -> None:
    module, side = jolted("lska", 2, kernel=kernel), 61
    x = torch.rand(1, 2, side, side, dtype=torch.float64, requires_grad=True)
    module.gate(x)[0, :, side // 2, side // 2].sum().backward()
    assert x.grad is not None
    seen = x.grad.abs().sum((0, 1)) > 0
    assert seen.any(0).sum() == seen.any(1).sum() == kernel
    assert seen.any(0).nonzero().double().mean() == side // 2
