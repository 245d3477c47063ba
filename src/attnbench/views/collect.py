"""All views of one trained network, as arrays."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attnbench.networks.gates import Attention
from attnbench.networks.grad_cam import grad_cam
from attnbench.networks.normalisation import Normalisation
from attnbench.networks.slots import Network
from attnbench.records.prepared import Prepared
from attnbench.records.views import BlockView, GateView, Views
from attnbench.views import capture
from attnbench.views.selection import LARGEST_IMAGE, LARGEST_MAP, first_of_each_class, reduced

MOST_VARYING = 9  # a 3 x 3 grid
MOST_ACTIVE = 3


def compute(network: Network, data: Prepared, *, count: int, variant: str, seed: int) -> Views:
    """Return the views of the first test image of each of the first `count` classes.

    The network runs in eval mode on its own device. Equal weights and images give equal arrays. Afterwards the network
    is in its former mode and has no hooks.
    """
    rows = first_of_each_class(data, count)  # (n,)
    pixels, labels = data.test_images[rows], data.test_labels[rows]  # uint8 (n, c, h, w), (n,)
    device = next(network.parameters()).device
    x = Normalisation(data.description.mean, data.description.std, device)(pixels.to(device).float() / 255)
    layers = network.views()
    attention = {name: slot.module for name, slot in network.slots().items() if isinstance(slot.module, Attention)}
    with capture.evaluating(network):
        logits, features, inputs = capture.forward_pass(network, x, outputs_of=layers, inputs_of=attention)
        probability, predicted = logits.softmax(dim=1).max(dim=1)  # (n,), (n,)
        of_predicted, of_true = (grad_cam(network, layers, x, shown) for shown in (predicted, labels.to(device)))
        blocks = {name: _block(features[name], of_predicted[name], of_true[name]) for name in layers}
        gates = {name: _gates(module, inputs[name]) for name, module in attention.items()}
    masks = data.test_masks
    return Views(
        variant=variant,
        seed=seed,
        classes=data.description.classes,
        index=_array(rows, np.int64),
        images=_array(reduced(pixels.float(), LARGEST_IMAGE).round(), np.uint8),
        labels=_array(labels, np.int64),
        predicted=_array(predicted, np.int64),
        probability=_array(probability, np.float32),
        blocks=blocks,
        gates=gates,
        masks=None if masks is None else _array(reduced(masks[rows].float(), LARGEST_IMAGE).round(), np.uint8),
    )


def _block(features: Tensor, of_predicted: Tensor, of_true: Tensor) -> BlockView:
    varying = _largest(features.var((0, 2, 3), correction=0), MOST_VARYING)  # (k,)
    order = _largest(features.mean((2, 3)), MOST_ACTIVE)  # (n, m)
    active = features.take_along_dim(order[:, :, None, None], dim=1)  # (n, m, h, w)
    return BlockView(
        features=_array(reduced(features[:, varying], LARGEST_MAP), np.float16),
        features_index=_array(varying, np.int64),
        active=_array(reduced(active, LARGEST_MAP), np.float16),
        active_index=_array(order, np.int64),
        grad_cam=_array(reduced(of_predicted, LARGEST_MAP), np.float32),
        grad_cam_true=_array(reduced(of_true, LARGEST_MAP), np.float32),
    )


def _largest(values: Tensor, count: int) -> Tensor:
    """Return the indices of the largest values along the last axis, largest first."""
    # a stable sort: channels with equal values, such as two silent ones, keep their order
    return values.sort(descending=True, stable=True).indices[..., :count]


def _gates(module: Attention, x: Tensor) -> GateView:
    with torch.no_grad():
        maps = module.maps(x)
    channel, spatial = maps.get("channel"), maps.get("spatial")  # (n, c, 1, 1), (n, 1, h, w)
    return GateView(
        channel=None if channel is None else _array(channel.flatten(1), np.float16),
        spatial=None if spatial is None else _array(reduced(spatial.squeeze(1), LARGEST_MAP), np.float16),
    )


def _array(tensor: Tensor, dtype: type[np.generic]) -> NDArray[Any]:
    return tensor.cpu().numpy().astype(dtype)
