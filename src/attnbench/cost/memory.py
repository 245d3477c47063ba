"""Activation memory: what autograd keeps of one image until the backward pass.

Definition: the bytes that a training forward pass with one image more in its batch keeps for the backward pass, in
float32: every tensor that an operator saves, index and mask tensors included, each storage once, without parameters,
buffers and the images themselves. Taken as the difference between batches of three and of two images, it leaves out
what does not grow with the batch, and layers that need more than one value per channel in training mode can run.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def activation_bytes(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the bytes kept for one image (c, h, w); the network and the random streams stay as they are."""
    return _kept(network, torch.zeros(3, *image_shape)) - _kept(network, torch.zeros(2, *image_shape))


def _kept(network: nn.Module, images: Tensor) -> int:
    twin = copy.deepcopy(network).cpu().float().train()
    known = {_address(tensor) for tensor in (images, *twin.parameters(), *twin.buffers())}
    kept: dict[int, Tensor] = {}  # holds on to each tensor, so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        if _address(tensor) not in known:
            kept.setdefault(_address(tensor), tensor)
        return tensor

    def give_back(packed: Any) -> Any:
        return packed

    with torch.random.fork_rng(devices=[]), torch.enable_grad(), saved_tensors_hooks(keep, give_back):
        twin(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
