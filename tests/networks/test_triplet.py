"""Triplet attention against the authors' rotations written out and against what its header says."""

from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(7, 5), (1, 1), (4, 4)]


def maps_of(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class WrittenOut:
    """One gate of a rotated map: weights of a convolution (1, 2, k, k) and a norm, with no layer of torch.nn."""

    def __init__(self, ours: nn.Module, *, turned: bool) -> None:
        self.training = ours.training
        self.turned = turned  # our kernel stands on the plane (w, C), the authors' on (C, w)
        self.weights = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]
        norm = next(module for module in ours.modules() if isinstance(module, nn.BatchNorm2d))
        self.running = norm.running_mean.clone(), norm.running_var.clone()

    def __call__(self, u: Tensor) -> Tensor:
        kernel, gamma, beta = self.weights
        window = kernel[0].transpose(1, 2) if self.turned else kernel[0]
        planes = u.max(1).values, u.sum(1) / u.shape[1]
        (n, height, breadth), k = planes[0].shape, window.shape[-1]
        total = u.new_zeros(n, height, breadth)
        for plane, part in zip(planes, window, strict=True):
            framed = plane.new_zeros(n, height + k - 1, breadth + k - 1)
            framed[:, k // 2 : k // 2 + height, k // 2 : k // 2 + breadth] = plane
            for i, j in product(range(k), repeat=2):
                total = total + part[i, j] * framed[:, i : i + height, j : j + breadth]
        mean, variance = total.mean(), ((total - total.mean()) ** 2).mean()
        if not self.training:
            mean, variance = self.running
        normed = gamma * (total - mean) / torch.sqrt(variance + 1e-5) + beta
        return u / (1 + torch.exp(-normed))[:, None]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", [{}, {"kernel_size": 3}, {"spatial": False}], ids=str)
def test_it_is_the_mean_of_the_authors_rotations(jolted, assert_same, options, size, training) -> None:
    ours = jolted(attention.load("triplet").build(6, **options)).train(training)
    gates = {name: WrittenOut(part, turned=name == "columns") for name, part in ours.named_children()}
    turns = {"positions": (0, 1, 2, 3), "columns": (0, 2, 1, 3), "rows": (0, 3, 2, 1)}  # each its own inverse

    def theirs(x: Tensor) -> Tensor:
        turned = [gate(x.permute(turns[name])).permute(turns[name]) for name, gate in gates.items()]
        return sum(turned) / len(turned)

    copies = [weight for gate in gates.values() for weight in gate.weights]
    assert_same(ours, theirs, list(zip(ours.parameters(), copies, strict=True)), maps_of(6, size))


def test_parameters() -> None:
    count = attention.load("triplet").parameter_count
    assert {count(channels) for channels in (1, 16, 64, 2048)} == {300}
    assert (count(64, spatial=False), count(64, kernel_size=3), count(64, kernel_size=3, spatial=False)) == (
        200,
        60,
        40,
    )


def test_the_norms_start_at_one_and_move_slowly() -> None:
    norms = [m for m in attention.load("triplet").build(16).modules() if isinstance(m, nn.BatchNorm2d)]
    assert [(norm.weight.item(), norm.bias.item(), norm.momentum) for norm in norms] == [(1, 0, 0.01)] * 3


def test_the_gates_cover_the_three_pairs_of_axes(jolted) -> None:
    """With the other two at one half, what is left of the gate does not change along the axis that is pooled."""
    x = maps_of(6)
    for name, pooled in {"positions": 1, "columns": 2, "rows": 3}.items():
        module = jolted(attention.load("triplet").build(6)).eval()
        with torch.no_grad():
            for other, part in module.named_children():
                if other != name:
                    for parameter in part.parameters():
                        parameter.zero_()
        gate = module.gate(x)
        assert [gate.std(axis).max().item() > 1e-6 for axis in (1, 2, 3)] == [axis != pooled for axis in (1, 2, 3)]


def test_the_cost_of_a_network(counted: Callable[..., Any]) -> None:
    counts = counted("triplet", "before_pool", (3, 16, 24))
    sizes = [(32, 16, 24), (64, 8, 12), (128, 4, 6)]
    assert counts.attention_macs == 98 * sum(h * w + c * w + c * h for c, h, w in sizes)
    assert counts.attention_parameters == 900
