"""Which images are corrupted how, and accuracies and calibration that are known by hand."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from small_training import edges
from torch import Tensor, nn

from attnbench.networks.slots import Network, Slot
from attnbench.records.robustness import CORRUPTIONS
from attnbench.robustness import accuracy, calibration


class BrightestSide(Network):
    """Knows the truth about `small_training.edges`: the logits are the brightness of three sides."""

    def __init__(self) -> None:
        super().__init__()
        self.anything = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor) -> Tensor:
        sides = (x[:, :, :, :5], x[:, :, :, 11:], x[:, :, :5])
        return torch.stack([side.mean((1, 2, 3)) for side in sides], 1)

    def slots(self) -> dict[str, Slot]:
        return {}

    def views(self) -> dict[str, nn.Module]:
        return {}


@pytest.mark.parametrize(("test", "images", "expected"), [(45, 2000, 45), (44, 2000, 40), (45, 23, 20), (3, 2000, 5)])
def test_every_severity_has_as_many_images_drawn_from_all(test: int, images: int, expected: int) -> None:
    rows = accuracy.rows_of(edges(test=test), images)
    assert len(rows) == expected
    assert len(set(rows.tolist())) == min(test, expected)
    assert rows.tolist() != sorted(rows.tolist())  # the first classes of a sorted folder would be all


def test_each_image_meets_every_corruption_once_at_severities_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(accuracy, "corrupted", lambda name, images, severities: seen.append(severities) or images)
    data = edges(test=20)
    result = accuracy.corrupted_accuracy(BrightestSide(), data, accuracy.rows_of(data, 20))
    assert [Counter(severities.tolist()) for severities in seen] == [dict.fromkeys(range(1, 6), 4)] * len(CORRUPTIONS)
    assert {tuple(image) for image in np.diff(np.stack(seen), axis=0).T % 5} == {(1,) * 6}
    assert set(result.model_dump().values()) == {(1.0,) * 5}


def test_a_severity_is_the_accuracy_of_the_images_that_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def upside_down(name: str, images: np.ndarray, severities: np.ndarray) -> np.ndarray:
        return np.where((severities == 2)[:, None, None, None], 255 - images, images)

    monkeypatch.setattr(accuracy, "corrupted", upside_down)
    data = edges(test=20)
    network = BrightestSide().train()
    result = accuracy.corrupted_accuracy(network, data, accuracy.rows_of(data, 20))
    assert set(result.model_dump().values()) == {(1.0, 0.0, 1.0, 1.0, 1.0)}
    assert network.training


def test_the_same_images_are_corrupted_to_the_same_bytes_and_each_to_its_severity() -> None:
    images, severities = edges(test=10).test_images.numpy(), np.arange(10) % 5 + 1
    first, second = (accuracy.corrupted("gaussian_noise", images, severities) for _ in range(2))
    assert np.array_equal(first, second)
    change = np.abs(first.astype(int) - images).mean((1, 2, 3))
    assert change[severities == 5].min() > 1.5 * change[severities == 1].max()


def test_calibration_by_hand() -> None:
    """Confidences 0.5, 0.8, 0.8 and 1.0, of which the third is wrong."""
    p = torch.tensor([[0.5, 0.3, 0.2], [0.8, 0.1, 0.1], [0.15, 0.8, 0.05], [0.0, 0.0, 1.0]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 2, 2])
    result = calibration((p + 1e-300).log() + 7, labels)
    # one alone, off by 0.5; two in a bin, half of them right at 0.8; one that is sure and right
    assert result.ece == pytest.approx((0.5 + 2 * abs(0.5 - 0.8) + 0) / 4)
    brier = [0.25 + 0.09 + 0.04, 0.04 + 0.01 + 0.01, 0.0225 + 0.64 + 0.9025, 0]
    assert result.brier == pytest.approx(sum(brier) / 4)
    assert result.nll == pytest.approx(-(math.log(0.5) + math.log(0.8) + math.log(0.05)) / 4)


def test_the_ends_of_the_bins_belong_to_the_lower_bin() -> None:
    """0.6 = 9 / 15 is in the bin of 0.58, not in that of 0.62, so a right and a wrong answer cancel."""
    p = torch.tensor([[0.6, 0.4], [0.58, 0.42], [0.62, 0.38]], dtype=torch.float64)
    result = calibration(p.log(), torch.tensor([0, 1, 0]))
    assert result.ece == pytest.approx((abs(0.4 - 0.58) + 0.38) / 3)
