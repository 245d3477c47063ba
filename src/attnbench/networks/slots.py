"""A backbone is a classifier with slots, the places for attention."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from attnbench.study.options import Size


@dataclass(frozen=True)
class Slot:
    """A place for attention: the attribute `name` of `owner`, an Identity until it is filled."""

    owner: nn.Module
    name: str
    stage: int  # counted from 1
    block: int  # within the stage, counted from 1
    site: str
    channels: int
    size: Size  # of the feature maps that come in

    @property
    def module(self) -> nn.Module:
        """What sits there."""
        module: nn.Module = getattr(self.owner, self.name)
        return module

    def fill(self, module: nn.Module) -> None:
        """Put `module` there."""
        setattr(self.owner, self.name, module)


class Network(nn.Module, ABC):
    """Images (n, c, h, w) to logits (n, classes)."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) of normalised images (n, c, h, w)."""

    @abstractmethod
    def slots(self) -> dict[str, Slot]:
        """Return all slots by name, in the order in which the data passes them."""

    @abstractmethod
    def views(self) -> dict[str, nn.Module]:
        """Return by name the modules whose outputs are the feature maps worth looking at, shallow to deep."""


def strided(size: Size, stride: int) -> Size:
    """Return the size after a convolution or pool of `stride` whose padding keeps the size at stride 1, rounded up."""
    height, width = size
    return -(-height // stride), -(-width // stride)
