"""The base classes of attention modules."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from torch import Tensor, nn


class Attention(nn.Module, ABC):
    """A module (n, c, h, w) -> (n, c, h, w) that keeps the shape, dtype and memory layout of its input.

    It is written as two functions: what the module computes from its input, and how that acts on the input. So a
    trained module can be run with what it computed for other images: see `attnbench.ablate`.
    """

    @abstractmethod
    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        """Return by name the tensors that act on `x`, each with one row per image:

        gate, channel, spatial, scale   factors of x
        near, far                       factors of the branches of a choice
        term                            what is added to x, or joined to it
        """

    @abstractmethod
    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        """Return the attended feature maps, in the shape of `x`; `x` is not changed."""

    def forward(self, x: Tensor) -> Tensor:
        """Return modulate(x, modulation(x)); a module may override this with a faster form of the same function."""
        return self.modulate(x, self.modulation(x))

    @abstractmethod
    def maps(self, x: Tensor) -> dict[str, Tensor]:
        """Return the attention maps to draw for the input `x`: `channel` (n, c, 1, 1), `spatial` (n, 1, h, w), or both.

        Their content depends on what the module computes:

            a gate (n, c, 1, 1) or (n, 1, h, w)   the gate
            two such gates                        both, as applied: forward(x) = x * channel * spatial
            a gate (n, c, h, w)                   `channel` its means over positions, `spatial` its means over channels
            a softmax over positions              `spatial`: the weights, divided by the largest of each image
            1 + gate, x + something               the maps of the gate or of the softmax inside
            a choice between two branches         `channel`: the weight of the second branch

        Values are in 0..1, unless the activation of a gate (`tanh`, `relu`) or `start: identity` leaves that
        range: maps show what is applied and are never clipped. The call changes nothing in eval mode; in train mode,
        batch norms inside the module update their statistics.
        """

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor | None:
        """Return s of modulate(x, modulation) = x * s, in a shape that broadcasts to x; None if it is no product."""
        return None


class Gate(Attention):
    """Attention that scales its input: forward(x) = x * gate(x)."""

    @abstractmethod
    def gate(self, x: Tensor) -> Tensor:
        """Return the scale, (n, c, 1, 1), (n, 1, h, w) or (n, c, h, w), in the range that `maps` describes."""

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return {"gate": self.gate(x)}

    def modulate(self, x: Tensor, modulation: Mapping[str, Tensor]) -> Tensor:
        return x * modulation["gate"]

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return gate_maps(self.gate(x), x)

    def factor(self, modulation: Mapping[str, Tensor]) -> Tensor:
        return modulation["gate"]


def gate_maps(gate: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Return the maps of a gate for `x` (n, c, h, w): the gate, or its means over positions and over channels."""
    _, c, h, w = x.shape
    if gate.shape[2:] == (1, 1) and gate.shape[1] == c:
        return {"channel": gate}
    if gate.shape[1] == 1 and gate.shape[2:] == (h, w):
        return {"spatial": gate}
    return {"channel": gate.mean((2, 3), keepdim=True), "spatial": gate.mean(1, keepdim=True)}
