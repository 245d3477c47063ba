"""torchvision's residual networks for ImageNet: four stages of widths w, 2w, 4w and 8w, w = 64.

    stem - layer1 - [between1] - layer2 - [between2] - layer3 - [between3] - layer4 - mean over positions - linear

Depths 18 and 34 have basic blocks; 50, 101 and 152 have bottlenecks, four times as wide at their ends. Blocks and sites
are those of `backbones/_residual.py`, the stems those of `backbones/_residual_network.py`. The default stem is the
paper's, which reduces a 32 x 32 image to 1 x 1 maps. For such small images use `stem: cifar`, as is usual: maps of 32,
16, 8 and 4.

Source: He et al., table 1; torchvision.models.resnet, whose weights load.
Parameters: 11,689,512 at depth 18, 21,797,672 at 34, 25,557,032 at 50, 44,549,160 at 101, 60,192,808 at 152, with 1000
classes and colour images; with 10 classes and `stem: cifar` 11,173,962, 21,282,122, 23,520,842, 42,512,970, 58,156,618.
Differs from: the paper and the authors' Caffe networks, where a bottleneck that halves its maps does so in its first
1 x 1 convolution (`stride_in: 1x1`; 3.86 instead of 4.09 G multiply-adds at depth 50).
"""

from typing import Literal

from attnbench.errors import UserError
from attnbench.networks.backbones._residual import BasicBlock, BottleneckBlock, projection
from attnbench.networks.backbones._residual_network import ResidualNetwork
from attnbench.study.options import PositiveInt

PAPER = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016. arXiv:1512.03385"
SITES = ("standard", "pre", "post", "identity", "inner", "before_norm", "between")
BLOCKS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}
_BASIC = (18, 34)


class ResNet(ResidualNetwork):
    """The network of the header, with empty slots, for images (c, h, w) of any size.

    Raises:
        UserError: `stride_in: 1x1` at a depth whose blocks have no 1 x 1 convolution.
    """

    def __init__(
        self,
        classes: int,
        image_shape: tuple[int, int, int],
        *,
        depth: Literal[18, 34, 50, 101, 152] = 18,
        width: PositiveInt = 64,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        stride_in: Literal["3x3", "1x1"] = "3x3",
    ) -> None:
        if stride_in == "1x1" and depth in _BASIC:
            raise UserError(
                f"stride_in: 1x1 has no effect at depth {depth}, whose blocks have two 3 x 3 convolutions; remove it, "
                "or use depth 50, 101 or 152"
            )
        super().__init__(
            classes,
            image_shape,
            block=BasicBlock if depth in _BASIC else BottleneckBlock,
            blocks=BLOCKS[depth],
            width=width,
            stem=stem,
            shortcut=projection,
        )
        if stride_in == "1x1":
            for block in self.modules():
                if isinstance(block, BottleneckBlock):
                    block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
