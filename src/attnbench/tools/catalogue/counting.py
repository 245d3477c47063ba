"""What the modules of this package count: parameters by width, and the operations of one forward pass."""

from torch import Tensor, nn

from attnbench import networks
from attnbench.cost import Counts, count
from attnbench.networks.slots import Network, Slot
from attnbench.tools.catalogue.libraries import CHANNELS

SIZE = (32, 32)  # of the feature maps, wherever a count depends on it
COST_CHANNELS = 64


class Alone(Network):
    """A network that is one slot and nothing else, so that what is counted is the module in it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels
        self.place: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.place(x)
        return y

    def slots(self) -> dict[str, Slot]:
        return {"place": Slot(self, "place", 1, 1, "alone", self.channels, SIZE)}

    def views(self) -> dict[str, nn.Module]:
        return {}


def parameters(name: str, options: dict[str, object] | None = None) -> dict[int, int]:
    """Return C -> parameters of a module, at its defaults where no options are given."""
    return {
        channels: sum(p.numel() for p in networks.build_attention(name, channels, SIZE, options).parameters())
        for channels in CHANNELS
    }


def cost(name: str) -> Counts:
    """Return what one forward pass of a module costs on maps (64, 32, 32), at its defaults."""
    network = Alone(COST_CHANNELS)
    network.slots()["place"].fill(networks.build_attention(name, COST_CHANNELS, SIZE))
    return count(network, (COST_CHANNELS, *SIZE))
