"""The short form of PSANet's attention against its reading, position by position, and against its header."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.study import attention

SIZES = [(4, 3), (1, 1), (2, 5)]
WIDTHS = [16, 32, 64, 128, 256, 512, 1024, 2048]


def maps_of(channels: int, size: tuple[int, int] = (4, 3)) -> Tensor:
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


class WrittenOut:
    """The reading with an attention of (h w) x (h w) that is made pair by pair."""

    def __init__(self, ours: nn.Module) -> None:
        self.weights = [parameter.detach().clone().requires_grad_() for parameter in ours.parameters()]

    def parts(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """u (m, h w), and what each output takes of each position (h w, h w)."""
        w_reduce, b_reduce, w_collect, b_collect, w_distribute, b_distribute = (
            weight.flatten(1) if weight.dim() > 1 else weight[:, None] for weight in self.weights[:6]
        )
        u = w_reduce @ image.flatten(1) + b_reduce
        collect, distribute = torch.exp(w_collect @ u + b_collect), torch.exp(w_distribute @ u + b_distribute)
        collect, distribute = collect / collect.sum(1, keepdim=True), distribute / distribute.sum(0)
        outputs = range(u.shape[1])
        rows = [torch.stack([(collect[:, j] * distribute[:, i]).sum() for j in outputs]) for i in outputs]
        return u, torch.stack(rows)

    def __call__(self, x: Tensor) -> Tensor:
        weight, bias = self.weights[6].flatten(1), self.weights[7]
        images = []
        for image in x:
            u, shares = self.parts(image)
            z = [u[:, i] + sum(shares[i, j] * u[:, j] for j in range(u.shape[1])) for i in range(u.shape[1])]
            images.append(image + torch.stack([weight @ column + bias for column in z], dim=1).reshape(image.shape))
        return torch.stack(images)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("reduction", [1, 4, 16])
def test_it_is_the_reading(jolted, assert_same, reduction: int, size: tuple[int, int]) -> None:
    ours = jolted(attention.load("psa_simple").build(8, reduction=reduction))
    theirs = WrittenOut(ours)
    assert_same(ours, theirs, list(zip(ours.parameters(), theirs.weights, strict=True)), maps_of(8, size))


def test_what_an_output_takes_sums_to_one_and_the_map_is_what_a_position_receives(jolted) -> None:
    ours = jolted(attention.load("psa_simple").build(8))
    shares = torch.stack([WrittenOut(ours).parts(image)[1] for image in maps_of(8)])
    torch.testing.assert_close(shares.sum(2), torch.ones(3, 12, dtype=torch.float64))
    received = shares.mean(1)
    expected = received / received.amax(1, keepdim=True)
    torch.testing.assert_close(ours.maps(maps_of(8))["spatial"], expected.reshape(3, 1, 4, 3))


def test_parameters() -> None:
    count = attention.load("psa_simple").parameter_count
    assert count(64) == 2672
    for channels in WIDTHS:
        m = channels // 4
        assert count(channels) == 2 * channels * m + 2 * m * m + 3 * m + channels


def test_the_cost_of_a_network_grows_with_its_positions(counted: Callable[..., Any]) -> None:
    counts = counted("psa_simple", "before_pool", (3, 16, 24))
    sizes = [(32, 16 * 24), (64, 8 * 12), (128, 4 * 6)]
    assert counts.attention_macs == sum(positions * (2 * c * (c // 4) + 4 * (c // 4) ** 2) for c, positions in sizes)
