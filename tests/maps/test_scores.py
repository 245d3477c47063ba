"""Scores of maps on models whose truth is known, and by hand."""

import numpy as np
import pytest
import torch
from captum.attr import LayerGradCam
from captum.metrics import infidelity, sensitivity_max
from scipy import stats
from small_training import edges, small_study
from torch import Tensor, nn

from attnbench import networks
from attnbench.maps import checks
from attnbench.maps.curves import SHARES, blur, deletion, insertion, ranked
from attnbench.maps.objects import energy, pointing, precision
from attnbench.networks.grad_cam import grad_cam
from attnbench.networks.slots import Network
from attnbench.records.rank_correlation import rank_correlation

TRUTH = torch.zeros(SHARES, 16, 16)
TRUTH[:, 4:8, 4:12] = torch.linspace(1, 2, 32).view(4, 8)  # an eighth of the pixels count
EACH = torch.arange(SHARES)  # a mean over images has all shares


def linear(x: Tensor) -> Tensor:
    """Return the share of the evidence that is left: a probability that is linear in the pixels."""
    return (x[:, 0] * TRUTH).sum((1, 2)) / TRUTH.sum((1, 2))


def ranks(maps: Tensor, seed: int = 0) -> Tensor:
    return ranked(maps, torch.Generator().manual_seed(seed))


def test_deletion_finds_the_truth_of_a_linear_model() -> None:
    x = torch.ones(SHARES, 1, 16, 16)
    # of ten shares, 0.05 alone leaves some of what counts: 13 of the 32 pixels are gone, the largest first
    left = torch.linspace(1, 2, 32)[:19].sum().item() / torch.linspace(1, 2, 32).sum().item()
    assert deletion(linear, x, ranks(TRUTH), EACH).mean().item() == pytest.approx(0.1 * left)
    assert deletion(linear, x, ranks(-TRUTH), EACH).mean().item() == pytest.approx(0.9 + 0.1 * (1 - left), abs=0.02)
    blind = torch.cat([deletion(linear, x, ranks(torch.zeros_like(TRUTH), seed), EACH) for seed in range(30)])
    assert blind.mean().item() == pytest.approx(0.5, abs=0.02)


def test_insertion_finds_it_too() -> None:
    checkerboard = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1  # vanishes when blurred
    x = checkerboard.expand(SHARES, 1, 16, 16)

    def probability(images: Tensor) -> Tensor:
        return linear(images * checkerboard)

    true, opposite = (insertion(probability, x, blur(x), ranks(maps), EACH).mean().item() for maps in (TRUTH, -TRUTH))
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
        own, zeros = checks.infidelity(network, x, {"block": maps}, classes, torch.Generator().manual_seed(0))
        return (own["block"].sum() / zeros.sum()).item()

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


@pytest.fixture(scope="module")
def network() -> Network:
    return networks.build(small_study(), "cbam", edges(), seed=0).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(3, *edges().image_shape, generator=torch.Generator().manual_seed(0))


CLASSES = torch.tensor([2, 0, 2])


def test_grad_cam_of_all_blocks_is_that_of_captum(network: Network, images: Tensor) -> None:
    for block, own in grad_cam(network, network.views(), images, CLASSES).items():
        maps = LayerGradCam(network, network.views()[block]).attribute(images, CLASSES, relu_attributions=True)
        torch.testing.assert_close(own, maps.detach().squeeze(1), msg=lambda text, block=block: f"{block}: {text}")


def test_grad_cam_leaves_the_network_as_it_was_and_sees_outputs_before_a_layer_in_place(images: Tensor) -> None:
    shape = images.shape[1:]
    first = nn.Conv2d(shape[0], 4, 3)
    network = nn.Sequential(first, nn.ReLU(inplace=True), nn.Conv2d(4, 3, shape[1] - 2), nn.Flatten())
    network.requires_grad_(False)
    own = grad_cam(network, {"first": first}, images, CLASSES)["first"]
    a = first(images)
    weight = (network[2].weight[CLASSES] * (a > 0)).mean((2, 3), keepdim=True)
    torch.testing.assert_close(own, (weight * a).sum(1).relu())
    assert not first._forward_hooks
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_checks_of_all_blocks_are_those_of_captum(network: Network, images: Tensor) -> None:
    def random() -> torch.Generator:
        return torch.Generator().manual_seed(1)

    layers = network.views()
    cams = grad_cam(network, layers, images, CLASSES)
    enlarged = {block: nn.functional.interpolate(own[:, None], images.shape[2:])[:, 0] for block, own in cams.items()}
    errors, of_zeros = checks.infidelity(network, images, enlarged, CLASSES, random())
    sensitivities = checks.sensitivity(network, layers, images, cams, CLASSES, random())

    # captum wants all perturbations of an image next to one another
    generator = random()
    inside = torch.stack([checks.squares(images, generator) for _ in range(checks.SQUARES)], 1).flatten(0, 1)
    generator = random()
    noise = torch.stack([torch.rand(images.shape, generator=generator) for _ in range(checks.NOISY)], 1).flatten(0, 1)

    def without_square(x: Tensor) -> tuple[Tensor, Tensor]:
        return inside.expand_as(x).to(x.dtype), torch.where(inside, 0, x)

    def infidelity_of(maps: Tensor) -> Tensor:
        parts = (maps[:, None] / images.shape[1]).expand_as(images)
        with torch.no_grad():
            return infidelity(network, without_square, images, parts, None, None, CLASSES, checks.SQUARES, None, True)

    torch.testing.assert_close(of_zeros.float(), infidelity_of(torch.zeros_like(images[:, 0])))
    for block, layer in layers.items():
        torch.testing.assert_close(errors[block].float(), infidelity_of(enlarged[block]))
        expected = sensitivity_max(
            lambda x, target, layer=layer: (grad_cam(network, {"": layer}, *x, target)[""],),
            images,
            lambda x: (x + checks.RADIUS * (2 * noise - 1),),
            n_perturb_samples=checks.NOISY,
            target=CLASSES,
        )
        torch.testing.assert_close(sensitivities[block].float(), expected)
