"""Initial weights of attention modules that differ from torch's.

Layers are created with torch's start: weights and biases uniform in +-1 / sqrt(fan in). A module whose authors start it
otherwise has the option `init`: `authors`, the default, then calls these functions; `torch` does not. Every draw uses
torch's global generator, which is the stream of the slot while a network is built.
"""

from collections.abc import Iterator
from typing import Literal

from torch import Tensor, nn


def zero_biases(module: nn.Module) -> None:
    """Set the biases of all linear layers and convolutions in `module` to 0."""
    for layer in _layers(module):
        if isinstance(layer.bias, Tensor):
            nn.init.zeros_(layer.bias)


def he_normal(module: nn.Module, mode: Literal["fan_in", "fan_out"]) -> None:
    """Draw their weights from a normal distribution of variance 2 / fan, and set their biases to 0.

    For a convolution, the fan is k^2 times the channels that enter (or leave) one group. Source: He et al., Delving
    Deep into Rectifiers, ICCV 2015, arXiv:1502.01852.
    """
    for layer in _layers(module):
        nn.init.kaiming_normal_(layer.weight, mode=mode, nonlinearity="relu")
    zero_biases(module)


def normal(module: nn.Module, std: float) -> None:
    """Draw their weights from a normal distribution of standard deviation `std`, and set their biases to 0."""
    for layer in _layers(module):
        nn.init.normal_(layer.weight, std=std)
    zero_biases(module)


def zero(module: nn.Module) -> None:
    """Set their weights and biases to 0."""
    for layer in _layers(module):
        nn.init.zeros_(layer.weight)
    zero_biases(module)


Layer = nn.Linear | nn.Conv1d | nn.Conv2d


def _layers(module: nn.Module) -> Iterator[Layer]:
    return (part for part in module.modules() if isinstance(part, Layer))
