"""Residual networks for images of 32 x 32: three stages of residual blocks, of widths w, 2w and 4w, w = 16.

    conv3x3 - BN - ReLU - layer1 - [between1] - layer2 - [between2] - layer3 - mean over positions - linear

Depths 20 to 110 are 6n + 2 with n basic blocks in each stage. Depth 164 is 9n + 2 with n = 18 bottlenecks, four times
as wide at their ends, with the stride in their 3 x 3 convolution; its first block changes the width too. Blocks and
sites are those of `backbones/_residual.py`: norms and ReLUs follow the convolutions, the last ReLU follows the sum.

Source: He et al., section 4.2, and for depth 164 the original unit of their Identity Mappings in Deep Residual
Networks (arXiv:1603.05027). Shortcuts that change the width are those of the paper's CIFAR-10 networks: no parameters,
padded with zeros (`identity`, option A). Initialisation as in `backbones/_residual_network.py`.
Parameters: 269,722 at depth 20, 464,154 at 32, 658,586 at 44, 853,018 at 56, 1,727,962 at 110, 1,661,274 at 164, with
10 classes and colour images; with projections 2,752 more, 42,880 at 164: 272,474 at 20, 855,770 at 56, 1,730,714 at
110, 1,704,154 at 164.
Differs from: pytorchcv, pycls and others, which project (`shortcut: projection`) and publish counts for that network;
akamaster's, which puts half of the zeros before the other channels; the pre-activation ResNet-164, the better one of
the second paper, which is another network: its norms and ReLUs precede the convolutions.
"""

from typing import Literal

from attnbench.networks.backbones._residual import BasicBlock, BottleneckBlock, Padding, projection
from attnbench.networks.backbones._residual_network import ResidualNetwork
from attnbench.study.options import PositiveInt

PAPER = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016. arXiv:1512.03385"
SITES = ("standard", "pre", "post", "identity", "inner", "before_norm", "between")
BLOCKS = {20: (3, 3, 3), 32: (5, 5, 5), 44: (7, 7, 7), 56: (9, 9, 9), 110: (18, 18, 18), 164: (18, 18, 18)}
_BOTTLENECKS = (164,)


class CifarResNet(ResidualNetwork):
    """The network of the header, with empty slots, for images (c, h, w) of any size."""

    def __init__(
        self,
        classes: int,
        image_shape: tuple[int, int, int],
        *,
        depth: Literal[20, 32, 44, 56, 110, 164] = 20,
        width: PositiveInt = 16,
        shortcut: Literal["identity", "projection"] = "identity",
    ) -> None:
        super().__init__(
            classes,
            image_shape,
            block=BottleneckBlock if depth in _BOTTLENECKS else BasicBlock,
            blocks=BLOCKS[depth],
            width=width,
            stem="cifar",
            shortcut=Padding if shortcut == "identity" else projection,
        )
