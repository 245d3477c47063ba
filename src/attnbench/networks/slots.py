"""A backbone is a classifier with slots: places that attention modules fill."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from attnbench.study.options import Size


@dataclass(frozen=True)
class Slot:
    """A place for an attention module: the attribute `name` of `owner`, an Identity until it is filled."""

    owner: nn.Module
    name: str
    stage: int  # counted from 1
    block: int  # within the stage, counted from 1
    site: str
    channels: int
    size: Size  # of the incoming feature maps

    @property
    def module(self) -> nn.Module:
        """The module in the slot."""
        module: nn.Module = getattr(self.owner, self.name)
        return module

    def fill(self, module: nn.Module) -> None:
        """Put `module` into the slot."""
        setattr(self.owner, self.name, module)


class Network(nn.Module, ABC):
    """The base class of backbones: images (n, c, h, w) to logits (n, classes)."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return logits (n, classes) for normalised images (n, c, h, w)."""

    @abstractmethod
    def slots(self) -> dict[str, Slot]:
        """Return all slots by name, in the order in which the data passes them."""

    @abstractmethod
    def views(self) -> dict[str, nn.Module]:
        """Return by name the modules whose outputs are drawn as feature maps, shallow to deep."""


def strided(size: Size, stride: int) -> Size:
    """Return the size after a convolution or pool of `stride` with `same` padding, rounded up."""
    height, width = size
    return -(-height // stride), -(-width // stride)
