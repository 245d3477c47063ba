"""What every attention module is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """A map (n, c, h, w) -> (n, c, h, w) that keeps the shape."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the attended feature maps, of the shape of `x`; `x` is not changed."""

    @abstractmethod
    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the maps worth drawing for the input `x`, 0..1: `channel` (n, c, 1, 1), `spatial` (n, 1, h, w).

        In eval mode this changes nothing; in train mode a batch norm inside would count the call as a batch.
        """


class Gate(Attention):
    """Attention that scales its input: forward(x) = x * gate(x)."""

    @abstractmethod
    def gate(self, x: Tensor) -> Tensor:
        """Return the scale, 0..1, that broadcasts to `x`: (n, c, 1, 1), (n, 1, h, w) or (n, c, h, w)."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)
