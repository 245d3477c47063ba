"""Activation memory: what autograd keeps for one image until the backward pass.

Definition: the bytes in float32 that one more image in the batch adds to what a training forward pass saves for the
backward pass. Every tensor that an operator saves counts, index and mask tensors included, each storage once;
parameters, buffers and the images themselves do not. The difference between batches of three and of two images excludes
what does not grow with the batch, and lets layers run that need more than one value per channel in training mode.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def activation_bytes(network: nn.Module, image_shape: tuple[int, int, int]) -> int:
    """Return the bytes kept for one image (c, h, w), leaving the network and all random streams as they are."""
    return _kept(network, torch.zeros(3, *image_shape)) - _kept(network, torch.zeros(2, *image_shape))


def _kept(network: nn.Module, images: Tensor) -> int:
    duplicate = copy.deepcopy(network).cpu().float().train()
    excluded = {_address(tensor) for tensor in (images, *duplicate.parameters(), *duplicate.buffers())}
    kept: dict[int, Tensor] = {}  # keeps the tensors alive, so that no address is used twice

    def keep(tensor: Tensor) -> Tensor:
        if _address(tensor) not in excluded:
            kept.setdefault(_address(tensor), tensor)
        return tensor

    def unpack(packed: Any) -> Any:
        return packed

    with torch.random.fork_rng(devices=[]), torch.enable_grad(), saved_tensors_hooks(keep, unpack):
        duplicate(images)
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
