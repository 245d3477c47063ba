"""Residual networks for images of 32 x 32: three stages of basic blocks, of widths w, 2w and 4w, w = 16.

    conv3x3 - BN - ReLU - layer1 - [between1] - layer2 - [between2] - layer3 - mean over positions - linear

Depth 6n + 2 has n blocks in each stage; blocks and sites are those of `backbones/_residual.py`.

Source: He et al., section 4.2. Shortcuts that change width are theirs on CIFAR-10: no parameters, padded with zeros
(`identity`, option A). Initialisation as in `backbones/_residual_network.py`.
Parameters: 269,722 at depth 20, 464,154 at 32, 658,586 at 44, 853,018 at 56, 1,727,962 at 110, with 10 classes and
colour images; with projections 2,752 more: 272,474 at 20, 855,770 at 56, 1,730,714 at 110.
Differs from: pytorchcv, pycls and others, which project (`shortcut: projection`), and whose published counts are of
that network; akamaster's, which puts half of the zeros before the other channels.
"""

from typing import Literal

from attnbench.backbones._residual import Basic, Padding, projection
from attnbench.backbones._residual_network import ResidualNetwork
from attnbench.families import PositiveInt

PAPER = "He, Zhang, Ren, Sun: Deep Residual Learning for Image Recognition. CVPR 2016. arXiv:1512.03385"
SITES = ("standard", "pre", "post", "identity", "inner", "between")
BLOCKS = {20: (3, 3, 3), 32: (5, 5, 5), 44: (7, 7, 7), 56: (9, 9, 9), 110: (18, 18, 18)}


def build(
    classes: int,
    image_shape: tuple[int, int, int],
    *,
    depth: Literal[20, 32, 44, 56, 110] = 20,
    width: PositiveInt = 16,
    shortcut: Literal["identity", "projection"] = "identity",
) -> ResidualNetwork:
    """Return the network with empty slots for images (c, h, w) of any size."""
    return ResidualNetwork(
        classes,
        image_shape,
        block=Basic,
        blocks=BLOCKS[depth],
        width=width,
        stem="cifar",
        shortcut=Padding if shortcut == "identity" else projection,
    )
