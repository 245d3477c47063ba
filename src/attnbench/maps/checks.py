"""Checks of Grad-CAM that need no object: infidelity, sensitivity, and untrained weights.

    infidelity    E (sum of the map in a square - change of the logit without the square)^2 / E (that change)^2, for
                  squares at random places that take the mean colour; the map is scaled by the best factor of each
                  image, so 0 is a map that predicts every change, and 1 one that predicts none
    sensitivity   the largest relative change of the map, in the Euclidean norm, under small noise in the image
    untrained     the maps for the same classes of a network whose last layers, or all of whose layers, are untrained

Source: Yeh et al. 2019, arXiv:1901.09392, definitions 2.1 and 2.2, computed by captum; Adebayo et al. 2018,
arXiv:1810.03292, section 4. Differs: infidelity is divided by that of a map of zeros, or it would follow the size of
the logits.
"""

import copy

import torch
from captum.metrics import infidelity as captum_infidelity
from captum.metrics import sensitivity_max
from torch import Tensor, nn

from attnbench.networks.grad_cam import grad_cam
from attnbench.networks.slots import Network

SQUARES = 5  # for each image
SQUARE = 0.375  # of the shorter side
NOISY = 2  # images with noise for each image
RADIUS = 0.1  # of the noise, uniform, in standard deviations of the data


def infidelity(
    network: Network, x: Tensor, maps: Tensor, classes: Tensor, random: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Return the infidelity (n,) of maps (n, h, w), which have the size of the images, and that of maps of zeros."""
    attributions = (maps / x.shape[1])[:, None].expand_as(x)  # every channel has its part

    def without_square(inputs: Tensor) -> tuple[Tensor, Tensor]:
        inside = _squares(inputs, random).expand_as(inputs)
        return inside.to(inputs.dtype), torch.where(inside, 0, inputs)

    def error(own: Tensor) -> Tensor:
        with torch.no_grad():
            errors: Tensor = captum_infidelity(
                network, without_square, x, own, target=classes, n_perturb_samples=SQUARES, normalize=True
            )
        return errors.double()

    state = random.get_state()
    of_maps = error(attributions)
    random.set_state(state)  # the same squares
    return of_maps, error(torch.zeros_like(attributions))


def sensitivity(network: Network, layer: nn.Module, x: Tensor, classes: Tensor, random: torch.Generator) -> Tensor:
    """Return the sensitivity (n,) of the Grad-CAM of `layer` for normalised images (n, c, h, w)."""

    # tuples, as captum itself passes the images without noise
    def noisy(inputs: Tensor) -> tuple[Tensor]:
        noise = torch.rand(inputs.shape, generator=random).to(inputs.device)
        return (inputs + RADIUS * (2 * noise - 1),)

    def explained(inputs: tuple[Tensor], target: Tensor) -> tuple[Tensor]:
        return (grad_cam(network, layer, *inputs, target),)

    largest: Tensor = sensitivity_max(explained, x, perturb_func=noisy, n_perturb_samples=NOISY, target=classes)
    return largest.double()


def with_untrained_classifier(trained: Network, untrained: Network) -> Network:
    """Return a copy of a trained network whose last child, its classifier, has the weights of an untrained one."""
    network = copy.deepcopy(trained)
    *_, (name, _) = network.named_children()
    network.get_submodule(name).load_state_dict(untrained.get_submodule(name).state_dict())
    return network


def _squares(x: Tensor, random: torch.Generator) -> Tensor:
    """Return which pixels of each image lie in a square at a random place (n, 1, h, w)."""
    n, _, h, w = x.shape
    side = max(1, round(SQUARE * min(h, w)))
    top = torch.randint(0, h - side + 1, (n, 1, 1, 1), generator=random)
    left = torch.randint(0, w - side + 1, (n, 1, 1, 1), generator=random)
    row, column = torch.arange(h)[:, None], torch.arange(w)
    return ((row >= top) & (row < top + side) & (column >= left) & (column < left + side)).to(x.device)
