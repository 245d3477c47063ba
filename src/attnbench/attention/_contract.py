"""What every attention module is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """A map (n, c, h, w) -> (n, c, h, w) that keeps the shape, the type and the layout."""

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """Return the attended feature maps, of the shape of `x`; `x` is not changed."""

    @abstractmethod
    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the maps worth drawing for the input `x`: `channel` (n, c, 1, 1), `spatial` (n, 1, h, w), or both.

        What they are depends on what the module does with its input:

            a gate (n, c, 1, 1) or (n, 1, h, w)   the gate
            two such gates                        the two, each as applied: forward(x) = x * channel * spatial
            a gate (n, c, h, w)                   `channel` its means over positions, `spatial` its means over channels
            a softmax over positions              `spatial`, divided by its largest value in each image
            1 + gate, x + something               those of the gate or the distribution inside
            a choice between two branches         `channel`, the share of the second

        Values are in 0..1, but for a gate whose activation leaves that range by choice (`tanh`, `relu` of `se`): they
        are what is applied, and nothing is cut. In eval mode the call changes nothing; in train mode a batch norm
        inside would count it as a batch.
        """


class Gate(Attention):
    """Attention that scales its input: forward(x) = x * gate(x)."""

    @abstractmethod
    def gate(self, x: Tensor) -> Tensor:
        """Return the scale that broadcasts to `x`: (n, c, 1, 1), (n, 1, h, w) or (n, c, h, w); 0..1 as in `maps`."""

    def forward(self, x: Tensor) -> Tensor:
        return x * self.gate(x)
