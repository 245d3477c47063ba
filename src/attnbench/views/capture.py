"""Inputs and outputs of modules during one forward pass, by hooks that are always removed, and Grad-CAM."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn


@contextmanager
def evaluating(network: nn.Module) -> Iterator[None]:
    """Put all modules of the network into eval mode, and restore the mode of each afterwards."""
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def forward_pass(
    network: nn.Module, x: Tensor, *, outputs_of: Mapping[str, nn.Module], inputs_of: Mapping[str, nn.Module]
) -> tuple[Tensor, dict[str, Tensor], dict[str, Tensor]]:
    """Run the network once without gradients; return the logits, and the named outputs and inputs."""
    outputs: dict[str, Tensor] = {}
    inputs: dict[str, Tensor] = {}
    handles = [_keep_output(module, name, outputs) for name, module in outputs_of.items()]
    handles += [_keep_input(module, name, inputs) for name, module in inputs_of.items()]
    try:
        with torch.no_grad():
            logits = network(x)  # (n, classes)
    finally:
        for handle in handles:
            handle.remove()
    return logits, outputs, inputs


def _keep_output(module: nn.Module, name: str, kept: dict[str, Tensor]) -> torch.utils.hooks.RemovableHandle:
    # clone, since a later layer may work in place
    return module.register_forward_hook(lambda _module, _args, output: kept.__setitem__(name, output.clone()))


def _keep_input(module: nn.Module, name: str, kept: dict[str, Tensor]) -> torch.utils.hooks.RemovableHandle:
    return module.register_forward_pre_hook(lambda _module, args: kept.__setitem__(name, args[0].clone()))


def grad_cam(network: nn.Module, layer: nn.Module, x: Tensor, classes: Tensor) -> Tensor:
    """Return the Grad-CAM of `layer` (n, h, w), float32, for the logit of one class (n,) per image.

        a_k = mean over positions of d logit / d A_k,    map = ReLU(sum_k a_k A_k)        A: output (n, k, h, w)

    Source: Selvaraju et al., arXiv:1610.02391, equations 1 and 2, with the paper's ReLU, which captum applies only
    on request. Neither the network nor the gradients of its parameters change.
    """
    maps: Tensor = LayerGradCam(network, layer).attribute(x, target=classes, relu_attributions=True)  # (n, 1, h, w)
    return maps.detach().squeeze(1)
