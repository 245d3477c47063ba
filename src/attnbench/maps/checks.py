"""Checks of Grad-CAM that need no object: infidelity, sensitivity, and untrained weights.

    infidelity    E (sum of the map in a square - change of the logit without the square)^2 / E (that change)^2, for
                  squares at random places that take the mean colour; the map is scaled by the best factor of each
                  image, so 0 is a map that predicts every change, and 1 one that predicts none
    sensitivity   the largest relative change of the map, in the Euclidean norm, under small noise in the image
    untrained     the maps for the same classes of a network whose last layers, or all of whose layers, are untrained

The factor of infidelity is fitted to five squares, so a map that is unrelated to the changes has 0.8. A constant map
has much less where most squares change the logit alike.

Source: Yeh et al. 2019, arXiv:1901.09392, definitions 2.1 and 2.2; Adebayo et al. 2018, arXiv:1810.03292, section 4.
Differs: infidelity is divided by that of a map of zeros, or it would follow the size of the logits. Squares and noise
are the same for all blocks, so the network sees each image without a square, or with noise, once. Layers are not
untrained one by one from the top: the classifier alone, and all of them.
"""

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from attnbench.networks.grad_cam import grad_cam
from attnbench.networks.slots import Network

SQUARES = 5  # for each image
SQUARE = 0.375  # of the shorter side
NOISY = 2  # images with noise for each image
RADIUS = 0.1  # of the noise, uniform, in standard deviations of the data


def infidelity(
    network: nn.Module, x: Tensor, maps: Mapping[str, Tensor], classes: Tensor, random: torch.Generator
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the infidelity (n,) of each map (n, h, w), which has the size of the images, and that of maps of zeros."""
    inside = torch.stack([squares(x, random) for _ in range(SQUARES)])  # (s, n, 1, h, w)
    with torch.no_grad():
        whole, *without = (
            network(images) for images in (x, *(torch.where(square, 0, x) for square in inside))
        )  # logits (n, classes)
    change = torch.stack([whole - logits for logits in without]).double()  # (s, n, classes)
    change = change.gather(2, classes.expand(SQUARES, -1)[..., None]).squeeze(2)  # (s, n)
    errors = {}
    for name, own in maps.items():
        predicted = (own * inside.squeeze(2)).sum((2, 3)).double()  # (s, n)
        size = predicted.square().sum(0)
        factor = (predicted * change).sum(0) / size.where(size > 0, 1)
        errors[name] = (factor * predicted - change).square().mean(0)
    return errors, change.square().mean(0)


def sensitivity(
    network: nn.Module,
    layers: Mapping[str, nn.Module],
    x: Tensor,
    maps: Mapping[str, Tensor],
    classes: Tensor,
    random: torch.Generator,
) -> dict[str, Tensor]:
    """Return the sensitivity (n,) of the Grad-CAM of each layer, `maps` (n, h', w'), for normalised images."""
    largest = {name: torch.zeros(len(x), dtype=torch.float64, device=x.device) for name in layers}
    for _ in range(NOISY):
        noise = torch.rand(x.shape, generator=random).to(x.device)
        for name, cam in grad_cam(network, layers, x + RADIUS * (2 * noise - 1), classes).items():
            size = maps[name].flatten(1).norm(dim=1)
            change = (cam - maps[name]).flatten(1).norm(dim=1) / size.where(size > 0, 1)
            largest[name] = largest[name].maximum(change)
    return largest


def with_untrained_classifier(trained: Network, untrained: Network) -> Network:
    """Return a copy of a trained network whose last child, its classifier, has the weights of an untrained one."""
    network = copy.deepcopy(trained)
    *_, (name, _) = network.named_children()
    network.get_submodule(name).load_state_dict(untrained.get_submodule(name).state_dict())
    return network


def squares(x: Tensor, random: torch.Generator) -> Tensor:
    """Return which pixels of each image lie in a square at a random place (n, 1, h, w)."""
    n, _, h, w = x.shape
    side = max(1, round(SQUARE * min(h, w)))
    top = torch.randint(0, h - side + 1, (n, 1, 1, 1), generator=random)
    left = torch.randint(0, w - side + 1, (n, 1, 1, 1), generator=random)
    row, column = torch.arange(h)[:, None], torch.arange(w)
    return ((row >= top) & (row < top + side) & (column >= left) & (column < left + side)).to(x.device)
