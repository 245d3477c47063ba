"""A plain CNN, common in tutorials on CIFAR-10: three blocks, two linear layers.

    block i: conv3x3 - BN - ReLU - [before_pool] - maxpool2 - [after_pool]        widths w, 2w, 4w, w = 32
    head:    flatten - Linear(4w h/8 w/8, 512) - ReLU - Dropout(0.5) - Linear(512, classes)

Convolutions have biases and padding 1; all layers keep torch's default initialisation.
Parameters: 1,147,914 at w = 32, 3 x 32 x 32 images and 10 classes, without attention.
The ReLUs are not in place: recorded outputs must not be overwritten.
"""

from torch import Tensor, nn

from attnbench.networks.slots import Network, Slot
from attnbench.study.options import PositiveInt, Share, Size

PAPER = "Plain network of three convolutional blocks, without a paper; defined in backbones/cnn.py"
SITES = ("before_pool", "after_pool")
BLOCKS = (1, 1, 1)


class _Block(nn.Module):
    """conv3x3 - BN - ReLU - [before_pool] - maxpool2 - [after_pool]: (n, c, h, w) -> (n, width, h/2, w/2)."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.activation = nn.ReLU()
        self.before_pool: nn.Module = nn.Identity()
        self.pool = nn.MaxPool2d(2)
        self.after_pool: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.before_pool(self.activation(self.norm(self.conv(x))))  # (n, width, h, w)
        pooled: Tensor = self.after_pool(self.pool(x))  # (n, width, h/2, w/2)
        return pooled


class CNN(Network):
    """The network of the header; `width` is w."""

    def __init__(
        self,
        classes: int,
        image_shape: tuple[int, int, int],
        *,
        width: PositiveInt = 32,
        hidden: PositiveInt = 512,
        dropout: Share = 0.5,
    ) -> None:
        super().__init__()
        channels, height, breadth = image_shape
        widths = (width, 2 * width, 4 * width)
        self.block1 = _Block(channels, widths[0])
        self.block2 = _Block(widths[0], widths[1])
        self.block3 = _Block(widths[1], widths[2])
        self.size = (height, breadth)
        self.head = nn.Sequential(
            nn.Flatten(),
            nn.Linear(widths[2] * (height // 8) * (breadth // 8), hidden),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(x)))  # (n, 4w, h/8, w/8)
        logits: Tensor = self.head(x)  # (n, classes)
        return logits

    def blocks(self) -> dict[str, _Block]:
        """Return the three blocks by name."""
        return {"block1": self.block1, "block2": self.block2, "block3": self.block3}

    def slots(self) -> dict[str, Slot]:
        return {
            f"{name}.{site}": Slot(block, site, stage, 1, site, block.conv.out_channels, self._size(stage, site))
            for stage, (name, block) in enumerate(self.blocks().items(), start=1)
            for site in SITES
        }

    def _size(self, stage: int, site: str) -> Size:
        halvings = stage if site == "after_pool" else stage - 1
        height, width = self.size
        return height >> halvings, width >> halvings

    def views(self) -> dict[str, nn.Module]:
        return {name: block.before_pool for name, block in self.blocks().items()}
