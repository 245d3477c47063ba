"""SimAM against the paper's minimal energy, written out channel by channel."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from attnbench.study import attention

SIZES = [(7, 5), (1, 2), (8, 8)]
SIGMOID_OF_HALF = 0.6224593312018546


def maps_of(size: tuple[int, int]) -> Tensor:
    return torch.randn(3, 6, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def written_out(x: Tensor, energy_lambda: float) -> Tensor:
    """x sigmoid(1 / e), with e = 4 (v + lambda) / ((t - mean)^2 + 2 v + 2 lambda), the least energy of a neuron t."""
    images = []
    for image in x:
        channels = []
        for t in image:
            v = torch.var(t)  # unbiased: h w - 1
            energy = 4 * (v + energy_lambda) / ((t - t.mean()) ** 2 + 2 * v + 2 * energy_lambda)
            channels.append(t / (1 + torch.exp(-1 / energy)))
        images.append(torch.stack(channels))
    return torch.stack(images)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("energy_lambda", [1e-4, 0.1])
def test_it_is_the_inverse_of_the_least_energy(assert_same, size: tuple[int, int], energy_lambda: float) -> None:
    ours = attention.load("simam").build(6, energy_lambda=energy_lambda)
    assert_same(ours, lambda x: written_out(x, energy_lambda), [], maps_of(size))


def test_the_default_is_the_authors_lambda() -> None:
    x = maps_of((7, 5)) * 0.01  # small enough for lambda to count
    torch.testing.assert_close(attention.load("simam").build(6)(x), written_out(x, 1e-4), rtol=1e-10, atol=1e-12)


def test_one_position_has_no_variance_and_a_constant_gate() -> None:
    x = maps_of((1, 1)).requires_grad_()
    y = attention.load("simam").build(6)(x)
    torch.testing.assert_close(y, SIGMOID_OF_HALF * x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, torch.full_like(x, SIGMOID_OF_HALF))


def test_no_gate_is_below_the_sigmoid_of_a_half() -> None:
    x = maps_of((8, 8)).float()
    gate = attention.load("simam").build(6).gate(x)
    assert gate.min() >= SIGMOID_OF_HALF - 1e-6
    assert gate.max() < 1


def test_it_has_no_weights() -> None:
    module = attention.load("simam")
    assert not list(module.build(64).parameters())
    assert not list(module.build(64).buffers())
    assert [module.parameter_count(channels) for channels in (1, 16, 2048)] == [0, 0, 0]


def test_its_cost_in_a_network(counted: Callable[..., Any]) -> None:
    counts, before = counted("simam"), counted("none", None)
    assert counts.macs == before.macs
    positions = 32 * 16 * 16 + 64 * 8 * 8 + 128 * 4 * 4
    assert counts.pooling_operations - before.pooling_operations == 2 * positions  # mean and sum of squares
    each = (
        6 * positions
    )  # difference, square, quotient, 1/2, sigmoid, product with x; by channel v and its quotients: 5
    assert counts.elementwise_operations - before.elementwise_operations == each + 5 * (32 + 64 + 128)
