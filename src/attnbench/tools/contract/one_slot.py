"""A network that is one slot."""

from torch import Tensor, nn

from attnbench.networks.slots import Network, Slot


class OneSlot(Network):
    """A network that consists of one slot, so every count and every map is that of the module in it."""

    def __init__(self, module: nn.Module, channels: int = 4, size: tuple[int, int] = (8, 8)) -> None:
        super().__init__()
        self.body = module
        self.channels, self.size = channels, size

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x)
        return y

    def slots(self) -> dict[str, Slot]:
        return {"stage1.body": Slot(self, "body", 1, 1, "body", self.channels, self.size)}

    def views(self) -> dict[str, nn.Module]:
        return {}
