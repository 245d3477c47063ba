"""What every attention module is."""

from abc import ABC, abstractmethod

from torch import Tensor, nn

from attnbench.networks.pooling import mean_over_channels, mean_over_positions


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

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return gate_maps(self.gate(x), x)


def gate_maps(gate: Tensor, x: Tensor) -> dict[str, Tensor]:
    """Return the maps of a gate on `x` (n, c, h, w), by its shape: itself, or its means over positions and channels."""
    _, c, h, w = x.shape
    if gate.shape[2:] == (1, 1) and gate.shape[1] == c:
        return {"channel": gate}
    if gate.shape[1] == 1 and gate.shape[2:] == (h, w):
        return {"spatial": gate}
    return {"channel": mean_over_positions(gate)[:, :, None, None], "spatial": mean_over_channels(gate)}
