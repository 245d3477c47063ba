"""Small networks to count and to time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from attnbench.networks import build as placement
from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network, Slot
from attnbench.study import schema

SHAPE = (3, 32, 32)
VARIANTS = {
    "baseline": schema.Variant(attention="none"),
    "se": schema.Variant(attention="se", site="before_pool"),
    "eca": schema.Variant(attention="eca", site="before_pool"),
    "cbam": schema.Variant(attention="cbam", site="after_pool"),
}


class Asked(Attention):
    """An attention module whose forward is a given function of the module and its input."""

    def __init__(self, function: Callable[[nn.Module, Tensor], Tensor], parts: dict[str, nn.Module]) -> None:
        super().__init__()
        self.function = function
        for name, part in parts.items():
            self.add_module(name, part)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {}


class OneSlot(Network):
    """A network that is nothing but one slot."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.body = module

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out

    def slots(self) -> dict[str, Slot]:
        return {"stage1.body": Slot(self, "body", 1, 1, "body", 4, (8, 8))}

    def views(self) -> dict[str, nn.Module]:
        return {}


class ForwardOnly(OneSlot):
    """The same, but going round the module's call."""

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body.forward(x)
        return out


@pytest.fixture
def asked():
    """Return `asked(function, **parts)`: a one-slot network around a function."""
    return lambda function, **parts: OneSlot(Asked(function, parts))


@pytest.fixture
def forward_only():
    return lambda function, **parts: ForwardOnly(Asked(function, parts))


@pytest.fixture(scope="session")
def cnns() -> dict[str, Network]:
    """The project's CNN without attention and with SE, ECA and CBAM. Not to be changed."""
    backbone = schema.Backbone(name="cnn")
    with torch.random.fork_rng(devices=[]):
        return {
            name: placement.build(backbone, variant, classes=10, image_shape=SHAPE, seed=0)
            for name, variant in VARIANTS.items()
        }
