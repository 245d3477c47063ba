"""Small networks to count and to time."""

from collections.abc import Callable
from types import SimpleNamespace

import params
import pytest
from torch import Tensor, nn

from attnbench import networks
from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network
from attnbench.tools.contract.one_slot import OneSlot

IMAGES = SimpleNamespace(classes=range(10), image_shape=(3, 32, 32))
VARIANTS = {
    "baseline": {"attention": "none"},
    "se": {"attention": "se", "site": "before_pool"},
    "eca": {"attention": "eca", "site": "before_pool"},
    "cbam": {"attention": "cbam", "site": "after_pool"},
}


class Function(Attention):
    """An attention module that computes a function of itself and its input."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Tensor], parts: dict[str, nn.Module]) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return {}

    def modulate(self, x: Tensor, modulation: dict[str, Tensor]) -> Tensor:
        return self.function(self, x)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {}


@pytest.fixture(scope="session")
def network_of():
    """Return `network_of(function, **parts)`: a network of one slot that computes `function(module, x)`."""
    return lambda function, **parts: OneSlot(Function(function, parts))


@pytest.fixture(scope="session")
def cnns() -> dict[str, Network]:
    """The backbone `cnn` without attention and with SE, ECA and CBAM; changed by no test."""
    study = params.study(variants=VARIANTS)
    return {variant: networks.build(study, variant, IMAGES, seed=0) for variant in VARIANTS}
