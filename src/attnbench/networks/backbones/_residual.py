"""torchvision's residual blocks with slots.

    y = [post] relu( [standard] branch([pre] x) + [identity] shortcut(x) )           (n, C, h, w)

    basic branch         conv3x3 - BN - ReLU - [inner] - conv3x3 - [before_norm] - BN
    bottleneck branch    conv1x1 - BN - ReLU - conv3x3 - [before_norm] - BN - ReLU - [inner] - conv1x1 - BN

Sites: `standard`, `pre`, `post` and `identity` are those of Hu et al., TPAMI 2020 (arXiv:1709.01507), and `inner` is
their position directly after the 3 x 3 convolution. Their text leaves two points open: here `inner` follows the norm
and the ReLU of that convolution (of the first one, where a block has two), and `identity` follows the projection or
padding of the shortcut, if there is one, so that it sees what is added. `before_norm` is the position of SimAM in its
authors' residual networks (Yang et al., ICML 2021): between the second convolution and its norm.

Layers, their names and their order are torchvision's. ReLUs are not in place and the sum is a new tensor, so a tensor
recorded at a slot is never overwritten.
"""

from torch import Tensor, nn
from torch.nn.functional import pad
from torchvision.models import resnet as torchvision_resnet

from attnbench.networks.slots import strided
from attnbench.study.options import Size

IN_BLOCK = ("pre", "inner", "before_norm", "standard", "identity", "post")


class BasicBlock(torchvision_resnet.BasicBlock):  # type: ignore[misc]  # torchvision ships no types
    """The basic block of the header: (n, channels, h, w) -> (n, planes, h / stride, w / stride)."""

    def __init__(self, channels: int, planes: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__(channels, planes, stride, shortcut)
        _prepare(self)

    def forward(self, x: Tensor) -> Tensor:
        inside = self.inner(self.relu(self.bn1(self.conv1(self.pre(x)))))  # (n, planes, h / stride, w / stride)
        return _add_shortcut(self, self.bn2(self.before_norm(self.conv2(inside))), x)


class BottleneckBlock(torchvision_resnet.Bottleneck):  # type: ignore[misc]
    """The bottleneck of the header: (n, channels, h, w) -> (n, 4 planes, h / stride, w / stride)."""

    def __init__(self, channels: int, planes: int, stride: int, shortcut: nn.Module | None) -> None:
        super().__init__(channels, planes, stride, shortcut)
        _prepare(self)

    def forward(self, x: Tensor) -> Tensor:
        narrow = self.relu(self.bn1(self.conv1(self.pre(x))))
        local = self.before_norm(self.conv2(narrow))  # (n, planes, h / stride, w / stride)
        inside = self.inner(self.relu(self.bn2(local)))
        return _add_shortcut(self, self.bn3(self.conv3(inside)), x)


Block = BasicBlock | BottleneckBlock


def _prepare(block: nn.Module) -> None:
    block.relu = nn.ReLU()  # torchvision's is in place
    for site in IN_BLOCK:
        setattr(block, site, nn.Identity())


def _add_shortcut(block: Block, branch: Tensor, x: Tensor) -> Tensor:
    shortcut = x if block.downsample is None else block.downsample(x)
    y: Tensor = block.post(block.relu(block.standard(branch) + block.identity(shortcut)))
    return y


def slots(block: Block, size: Size) -> dict[str, tuple[int, Size]]:
    """Return the channels and the size of the input of each slot, for a block whose input maps have `size`.

    The slots are in the order in which the data passes them.
    """
    output_size = strided(size, block.stride)
    planes = block.bn1.num_features
    channels = planes * block.expansion
    inside = ("inner", "before_norm") if isinstance(block, BasicBlock) else ("before_norm", "inner")
    return {
        "pre": (block.conv1.in_channels, size),
        **dict.fromkeys(inside, (planes, output_size)),
        "standard": (channels, output_size),
        "identity": (channels, output_size),
        "post": (channels, output_size),
    }


def projection(channels: int, planes: int, stride: int) -> nn.Module:
    """Return the shortcut of He et al.'s options B and C: a 1 x 1 convolution and a norm."""
    return nn.Sequential(nn.Conv2d(channels, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))


class Padding(nn.Module):
    """He et al.'s option A, without parameters: every `stride`-th position, and channels of zeros after the others."""

    def __init__(self, channels: int, planes: int, stride: int) -> None:
        super().__init__()
        self.stride = stride
        self.zeros = planes - channels

    def forward(self, x: Tensor) -> Tensor:
        return pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.zeros))
