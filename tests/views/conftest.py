import pytest
import torch
from torch import Tensor, nn

from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network, Slot
from attnbench.records.prepared import Description, Prepared


class FixedGates(Attention):
    """Gates that are easy to compute by hand: channel = sigmoid(mean), spatial = sigmoid(first channel)."""

    def modulation(self, x: Tensor) -> dict[str, Tensor]:
        return self.maps(x)

    def modulate(self, x: Tensor, modulation: dict[str, Tensor]) -> Tensor:
        return x * modulation["channel"] * modulation["spatial"]

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"channel": x.mean((2, 3), keepdim=True).sigmoid(), "spatial": x[:, :1].sigmoid()}


class Tiny(Network):
    """One convolution, a slot, a global pool, one linear layer."""

    def __init__(self, channels: int = 4, classes: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.slot: nn.Module = nn.Identity()
        self.dropout = nn.Dropout(0.5)
        self.linear = nn.Linear(channels, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.slot(self.norm(self.conv(x)).relu())
        return self.linear(self.dropout((x * x).mean((2, 3))))

    def slots(self) -> dict[str, Slot]:
        return {"block1.before_pool": Slot(self, "slot", 1, 1, "before_pool", self.conv.out_channels, (8, 8))}

    def views(self) -> dict[str, nn.Module]:
        return {"block1": self.slot}


@pytest.fixture
def network() -> Tiny:
    torch.manual_seed(0)
    return Tiny()


@pytest.fixture
def attended(network: Tiny) -> Tiny:
    network.slot = FixedGates()
    return network


def prepared(*, side: int = 8, masks: bool = True) -> Prepared:
    """Three classes; the test labels are 2, 0, 0, 1, 2, so the first of each class are rows 1, 3 and 0."""
    stream = torch.Generator().manual_seed(1)

    def images(n: int) -> Tensor:
        return torch.randint(0, 256, (n, 3, side, side), generator=stream, dtype=torch.uint8)

    def mask(n: int) -> Tensor | None:
        return torch.randint(0, 2, (n, side, side), generator=stream, dtype=torch.uint8) if masks else None

    return Prepared(
        description=Description("Noise", "Drawn in the test.", ("a", "b", "c"), 0, (0.5, 0.5, 0.5), (0.2, 0.3, 0.4)),
        train_images=images(4),
        train_labels=torch.tensor([0, 1, 2, 0]),
        test_images=images(5),
        test_labels=torch.tensor([2, 0, 0, 1, 2]),
        train_index=torch.tensor([0, 1, 2]),
        validation_index=torch.tensor([3]),
        train_masks=mask(4),
        test_masks=mask(5),
    )


@pytest.fixture
def data() -> Prepared:
    return prepared()
