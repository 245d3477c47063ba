"""SimAM against the paper's minimal energy."""

import pytest
import torch
from networks.reference import Layers, assert_same, attention, random_maps
from torch import Tensor

SIGMOID_OF_HALF = 0.6224593312018546


def simam(layers: Layers | None, x: Tensor, energy_lambda: float) -> Tensor:
    """x sigmoid(1 / e), with e = 4 (v + lambda) / ((t - mean)^2 + 2 v + 2 lambda), the least energy of a neuron t."""
    v = x.var((2, 3), keepdim=True)  # unbiased: h w - 1
    distance = x - x.mean((2, 3), keepdim=True)
    energy = 4 * (v + energy_lambda) / (distance.square() + 2 * v + 2 * energy_lambda)
    return x / (1 + torch.exp(-1 / energy))


@pytest.mark.parametrize("size", [(7, 5), (1, 2), (8, 8)], ids=str)
@pytest.mark.parametrize("energy_lambda", [1e-4, 0.1])
def test_it_is_the_inverse_of_the_least_energy(size: tuple[int, int], energy_lambda: float) -> None:
    ours = attention("simam", 6, energy_lambda=energy_lambda)
    assert_same(ours, simam, random_maps(6, size), energy_lambda=energy_lambda)


def test_the_default_is_the_authors_lambda() -> None:
    x = random_maps(6) * 0.01  # small enough for lambda to matter
    torch.testing.assert_close(attention("simam", 6)(x), simam(None, x, 1e-4), rtol=1e-10, atol=1e-12)


def test_one_position_has_no_variance_and_a_constant_gate() -> None:
    x = random_maps(6, (1, 1)).requires_grad_()
    y = attention("simam", 6)(x)
    torch.testing.assert_close(y, SIGMOID_OF_HALF * x)
    (gradient,) = torch.autograd.grad(y.sum(), x)
    torch.testing.assert_close(gradient, torch.full_like(x, SIGMOID_OF_HALF))


def test_no_gate_is_below_the_sigmoid_of_a_half() -> None:
    gate = attention("simam", 6).gate(random_maps(6, (8, 8)).float())
    assert gate.min() >= SIGMOID_OF_HALF - 1e-6
    assert gate.max() < 1
