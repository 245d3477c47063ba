"""Scores of maps on models whose truth is known, and by hand."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor, nn

from attnbench.maps import checks
from attnbench.maps.curves import TURNS, deletion, insertion, ranked
from attnbench.maps.objects import energy, pointing, precision
from attnbench.records.rank_correlation import rank_correlation

TRUTH = torch.zeros(TURNS, 16, 16)
TRUTH[:, 4:8, 4:12] = torch.linspace(1, 2, 32).view(4, 8)  # an eighth of the pixels count
EACH = torch.arange(TURNS)  # all turns, so a mean over images has all shares


def linear(x: Tensor) -> Tensor:
    """Return the share of the evidence that is left: a probability that is linear in the pixels."""
    return (x[:, 0] * TRUTH).sum((1, 2)) / TRUTH.sum((1, 2))


def ranks(maps: Tensor, seed: int = 0) -> Tensor:
    return ranked(maps, torch.Generator().manual_seed(seed))


def test_deletion_finds_the_truth_of_a_linear_model() -> None:
    x = torch.ones(TURNS, 1, 16, 16)
    # of ten shares, 0.05 alone leaves some of what counts: 13 of the 32 pixels are gone, the largest first
    left = torch.linspace(1, 2, 32)[:19].sum().item() / torch.linspace(1, 2, 32).sum().item()
    assert deletion(linear, x, ranks(TRUTH), EACH).mean().item() == pytest.approx(0.1 * left)
    assert deletion(linear, x, ranks(-TRUTH), EACH).mean().item() == pytest.approx(0.9 + 0.1 * (1 - left), abs=0.02)
    blind = torch.cat([deletion(linear, x, ranks(torch.zeros_like(TRUTH), seed), EACH) for seed in range(30)])
    assert blind.mean().item() == pytest.approx(0.5, abs=0.02)


def test_insertion_finds_it_too() -> None:
    checkerboard = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1  # vanishes when blurred
    x = checkerboard.expand(TURNS, 1, 16, 16)

    def probability(images: Tensor) -> Tensor:
        return linear(images * checkerboard)

    true, opposite = (insertion(probability, x, ranks(maps), EACH).mean().item() for maps in (TRUTH, -TRUTH))
    assert true == pytest.approx(0.95, abs=0.03)
    assert opposite == pytest.approx(0.05, abs=0.03)


def test_objects_by_hand() -> None:
    maps = torch.tensor([[[4.0, 3.0], [2.0, 1.0]], [[0.0, 0.0], [-1.0, 0.0]], [[1.0, 1.0], [0.0, 0.0]]])
    masks = torch.tensor([[[1, 0], [0, 1]], [[1, 0], [0, 0]], [[0, 1], [0, 0]]], dtype=torch.uint8)
    assert energy(maps, masks).tolist() == pytest.approx([0.5, 0.25, 0.5])
    assert pointing(maps, masks).tolist() == pytest.approx([1, 1 / 3, 0.5])
    assert precision(maps, masks).tolist() == pytest.approx([(1 + 2 / 4) / 2, 1 / 3, 0.5])


def test_rank_correlation_is_spearmans_and_a_constant_map_agrees_with_none() -> None:
    first, second = np.random.default_rng(0).normal(size=(2, 3, 4, 4)).round(1)
    second[2] = 1.0
    expected = [stats.spearmanr(first[i].ravel(), second[i].ravel()).statistic for i in range(2)]
    assert rank_correlation(first, second).tolist() == pytest.approx([*expected, 0])


def test_a_map_that_predicts_every_change_of_a_logit_has_no_infidelity() -> None:
    x = torch.rand(4, 2, 16, 16) + 0.5
    weights = TRUTH[0] - 0.1
    network = nn.Sequential(Weighted(weights))
    classes = torch.zeros(4, dtype=torch.int64)

    def relative(maps: Tensor) -> float:
        own, zeros = checks.infidelity(network, x, maps, classes, torch.Generator().manual_seed(0))
        return (own.sum() / zeros.sum()).item()

    true = (x * weights).sum(1)
    assert relative(3 * true) == pytest.approx(0, abs=1e-6)  # by its best factor
    assert relative(torch.zeros_like(true)) == pytest.approx(1)
    assert 0.1 < relative(true.flip(1)) < 1


class Weighted(nn.Module):
    """One logit, the weighted sum of all pixels."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.weights = weights

    def forward(self, x: Tensor) -> Tensor:
        return (x * self.weights).sum((1, 2, 3))[:, None]
