"""The residual network of `resnet` and `resnet_cifar`: a stem, stages of blocks, a linear layer.

    stem - layer1 - [between1] - layer2 - [between2] - ... - mean over positions - fc

    stem `imagenet`    conv7x7 stride 2 - BN - ReLU - maxpool3x3 stride 2
    stem `cifar`       conv3x3 - BN - ReLU

Layers, their names, order and initialisation are torchvision's: convolutions from a normal distribution of variance
2 / (k^2 channels out), norms at 1 and 0, torch's default for the linear layer. So torchvision's weights load, and the
same seed gives the same weights as torchvision's network. `between` is the position of Park et al., BAM
(arXiv:1807.06514).
"""

from collections.abc import Callable
from typing import Literal

from torch import Tensor, nn

from attnbench.networks.backbones import _residual
from attnbench.networks.backbones._residual import Block
from attnbench.networks.slots import Network, Slot, strided
from attnbench.study.backbones import BETWEEN

Shortcut = Callable[[int, int, int], nn.Module]  # (channels in, channels out, stride) -> shortcut


class ResidualNetwork(Network):
    """The network of the header; stage i has `blocks[i - 1]` blocks of `width` 2^(i - 1) planes."""

    def __init__(
        self,
        classes: int,
        image_shape: tuple[int, int, int],
        *,
        block: type[Block],
        blocks: tuple[int, ...],
        width: int,
        stem: Literal["imagenet", "cifar"],
        shortcut: Shortcut,
    ) -> None:
        super().__init__()
        self.image_shape = image_shape
        self.stages = range(1, len(blocks) + 1)
        self.stem_stride = 4 if stem == "imagenet" else 1
        if stem == "imagenet":
            self.conv1 = nn.Conv2d(image_shape[0], width, 7, stride=2, padding=3, bias=False)
            self.maxpool: nn.Module = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            self.conv1 = nn.Conv2d(image_shape[0], width, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        channels = width
        for stage, count in zip(self.stages, blocks, strict=True):
            planes, stride = width << (stage - 1), 1 if stage == 1 else 2
            self.add_module(f"layer{stage}", _layer(block, count, channels, planes, stride, shortcut))
            if stage < len(blocks):
                self.add_module(f"between{stage}", nn.Identity())
            channels = planes * block.expansion
        self.fc = nn.Linear(channels, classes)
        _initialise(self)

    def forward(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # (n, width, h, w)
        for stage in self.stages:
            x = self.get_submodule(f"layer{stage}")(x)
            if stage < self.stages[-1]:
                x = self.get_submodule(f"between{stage}")(x)
        logits: Tensor = self.fc(x.mean((2, 3)))  # (n, classes)
        return logits

    def slots(self) -> dict[str, Slot]:
        slots: dict[str, Slot] = {}
        size = strided(self.image_shape[1:], self.stem_stride)
        for stage in self.stages:
            layer = f"layer{stage}"
            for number, block in enumerate(_blocks(self.get_submodule(layer)), start=1):
                inputs = _residual.slots(block, size)
                for site, (channels, input_size) in inputs.items():
                    name = f"{layer}.{number - 1}.{site}"
                    slots[name] = Slot(block, site, stage, number, site, channels, input_size)
                channels, size = inputs["post"]
            if stage < self.stages[-1]:
                name = f"between{stage}"
                slots[name] = Slot(self, name, stage, 1, BETWEEN, channels, size)
        return slots

    def views(self) -> dict[str, nn.Module]:
        return {f"layer{stage}": self.get_submodule(f"layer{stage}") for stage in self.stages}


def _layer(
    block: type[Block], count: int, channels: int, planes: int, stride: int, shortcut: Shortcut
) -> nn.Sequential:
    """Return a stage. Only its first block may change the size or the number of channels."""
    wide = planes * block.expansion
    changes = stride != 1 or channels != wide
    first = block(channels, planes, stride, shortcut(channels, wide, stride) if changes else None)
    return nn.Sequential(first, *(block(wide, planes, 1, None) for _ in range(count - 1)))


def _blocks(layer: nn.Module) -> list[Block]:
    return [block for block in layer.children() if isinstance(block, Block)]


def _initialise(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
