"""Triplet attention against the authors' rotations."""

from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_equal_results, attention, jolted, random_maps
from torch import Tensor, nn
from torch.nn.functional import conv2d

TURNS = {"positions": (0, 1, 2, 3), "columns": (0, 2, 1, 3), "rows": (0, 3, 2, 1)}  # each is its own inverse


def rotated_gate(layers: Layers, u: Tensor, *, turned: bool) -> Tensor:
    """One gate of a rotated map. Our kernel of columns is on the plane (w, C), the authors' on (C, w)."""
    layers.restart()
    kernel = layers.weight()
    kernel = kernel.transpose(2, 3) if turned else kernel
    planes = torch.cat([u.max(1, keepdim=True).values, u.mean(1, keepdim=True)], 1)
    logits = conv2d(planes, kernel, padding=kernel.shape[2] // 2)
    return u * layers.norm(logits).sigmoid()


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("size", [(7, 5), (1, 1), (4, 4)], ids=str)
@pytest.mark.parametrize("options", [{}, {"kernel_size": 3}, {"spatial": False}], ids=str)
def test_it_is_the_mean_of_the_authors_rotations(
    options: dict[str, Any], size: tuple[int, int], training: bool
) -> None:
    ours = jolted("triplet", 6, **options).train(training)
    gates = {name: Layers(part) for name, part in ours.named_children()}

    def theirs(x: Tensor) -> Tensor:
        rotated = [
            rotated_gate(layers, x.permute(TURNS[name]), turned=name == "columns").permute(TURNS[name])
            for name, layers in gates.items()
        ]
        return sum(rotated) / len(rotated)

    weights = [weight for layers in gates.values() for weight in layers.weights]
    assert_equal_results(ours, theirs, list(zip(ours.parameters(), weights, strict=True)), random_maps(6, size))


def test_the_norms_move_slowly_or_as_asked() -> None:
    for options, momentum in (({}, 0.01), ({"momentum": 0.5}, 0.5)):
        norms = [part for part in attention("triplet", 16, **options).modules() if isinstance(part, nn.BatchNorm2d)]
        assert [norm.momentum for norm in norms] == [momentum] * 3


@pytest.mark.parametrize(("name", "pooled"), [("positions", 1), ("columns", 2), ("rows", 3)])
def test_the_gates_cover_the_three_pairs_of_axes(name: str, pooled: int) -> None:
    """With the other two at one half, the gate does not vary along the axis that is pooled."""
    module = jolted("triplet", 6).eval()
    with torch.no_grad():
        for other, part in module.named_children():
            if other != name:
                for parameter in part.parameters():
                    parameter.zero_()
    gate = module.gate(random_maps(6))
    assert [gate.std(axis).max().item() > 1e-6 for axis in (1, 2, 3)] == [axis != pooled for axis in (1, 2, 3)]
