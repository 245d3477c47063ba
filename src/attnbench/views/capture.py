"""Inputs and outputs of modules during one forward pass, by hooks that are always removed."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
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
