"""torchvision's MobileNetV2: seven stages of inverted residuals, which widen where a bottleneck narrows.

    y = [post] ( x + [standard] branch([pre] x) )                      (n, C, h, w)
    branch    conv1x1 to 6C - BN - ReLU6 - depth-wise conv3x3 - BN - ReLU6 - [inner] - conv1x1 - BN
    network   conv3x3 - BN - ReLU6 - stages - conv1x1 to 1280 - BN - ReLU6 - mean over positions - Dropout - linear

The first block of each stage, which changes size or channels, has no sum: `post` directly follows `standard` there. (At
small widths stage 2 may round to as many channels as stage 1; its first block then has a sum, as in torchvision.) The
first stage does not widen. Sites are named as in the residual networks: `inner` follows the 3 x 3 convolution, where
MobileNetV3 puts its squeeze-and-excitation, on maps six times as wide; `between1` to `between6` follow the stages.
There is no `identity`, because two stages would have no block with it.

Source: Sandler et al., table 2; torchvision.models.mobilenetv2, whose weights load. Layers, order, initialisation and
the rounding of widths to multiples of 8 are torchvision's; ReLU6 is not in place.
Parameters: 3,504,872 at `width: 1.0` with 1000 classes and colour images, 2,236,682 with 10.
Differs from: nothing at its defaults, which reduce a 32 x 32 image to 1 x 1 maps. For such small images use
`stem: cifar`, as is usual: stride 1 in the first convolution and in stage 2, so maps of 32, 32, 16, 8, 8, 4 and 4.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Literal

from torch import Tensor, nn
from torchvision.models import mobilenetv2

from attnbench.networks.slots import Network, Slot, strided
from attnbench.study.backbones import BETWEEN
from attnbench.study.options import PositiveFloat, Share, Size

PAPER = (
    "Sandler, Howard, Zhu, Zhmoginov, Chen: MobileNetV2: Inverted Residuals and Linear Bottlenecks. CVPR 2018. "
    "arXiv:1801.04381"
)
SITES = ("standard", "pre", "post", "inner", "between")
BLOCKS = (1, 2, 3, 4, 3, 3, 1)
_VIEWED = (1, 2, 3, 5, 7)  # the last stage at each size of map, by the paper's strides
_SMALL_IMAGES = [  # widening, channels, blocks and stride of the stages: the paper's, but for the stride of stage 2
    [1, 16, 1, 1],
    [6, 24, 2, 1],
    [6, 32, 3, 2],
    [6, 64, 4, 2],
    [6, 96, 3, 1],
    [6, 160, 3, 2],
    [6, 320, 1, 1],
]


class _InvertedResidual(mobilenetv2.InvertedResidual):  # type: ignore[misc]  # torchvision ships no types
    """The block of the header: (n, inp, h, w) -> (n, oup, h / stride, w / stride); the arguments are torchvision's."""

    def __init__(
        self, inp: int, oup: int, stride: int, expand_ratio: int, norm_layer: Callable[..., nn.Module] | None = None
    ) -> None:
        super().__init__(inp, oup, stride, expand_ratio, norm_layer)
        self.in_channels = inp
        self.pre: nn.Module = nn.Identity()
        self.inner: nn.Module = nn.Identity()
        self.standard: nn.Module = nn.Identity()
        self.post: nn.Module = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        *inside, project, norm = self.conv
        wide = self.pre(x)
        for layer in inside:
            wide = layer(wide)  # (n, 6 inp, h, w), then (n, 6 inp, h / stride, w / stride)
        branch = self.standard(norm(project(self.inner(wide))))  # (n, oup, h / stride, w / stride)
        y: Tensor = self.post(x + branch if self.use_res_connect else branch)
        return y

    def slots(self, size: Size) -> dict[str, tuple[int, Size]]:
        """Return the channels and the size of the input of each slot, for a block whose input maps have `size`."""
        output_size = strided(size, self.stride)
        return {
            "pre": (self.in_channels, size),
            "inner": (self.conv[-2].in_channels, output_size),
            "standard": (self.out_channels, output_size),
            "post": (self.out_channels, output_size),
        }


class MobileNetV2(Network):
    """The network of the header; `width` is the paper's multiplier of all widths."""

    def __init__(
        self,
        classes: int,
        image_shape: tuple[int, int, int],
        *,
        width: PositiveFloat = 1.0,
        stem: Literal["imagenet", "cifar"] = "imagenet",
        dropout: Share = 0.2,
    ) -> None:
        super().__init__()
        original = mobilenetv2.MobileNetV2(
            classes,
            width_mult=width,
            inverted_residual_setting=_SMALL_IMAGES if stem == "cifar" else None,
            block=_InvertedResidual,
            dropout=dropout,
        )
        self.image_shape = image_shape
        self.features, self.classifier = original.features, original.classifier
        first = self.features[0][0]
        if stem == "cifar":
            first.stride = (1, 1)
        if image_shape[0] != first.in_channels:  # torchvision's network accepts colour images only
            self.features[0][0] = _for_channels(image_shape[0], first)
        for module in self.modules():
            if isinstance(module, nn.ReLU6):
                module.inplace = False
        for stage in range(1, len(BLOCKS)):
            self.add_module(f"between{stage}", nn.Identity())

    def forward(self, x: Tensor) -> Tensor:
        x = self.features[0](x)  # (n, 32, h, w)
        for stage, blocks in self.stages():
            for _, block in blocks:
                x = block(x)
            if stage < len(BLOCKS):
                x = self.get_submodule(f"between{stage}")(x)
        x = self.features[-1](x).mean((2, 3))  # (n, 1280)
        logits: Tensor = self.classifier(x)  # (n, classes)
        return logits

    def stages(self) -> Iterator[tuple[int, list[tuple[str, _InvertedResidual]]]]:
        """Yield the number of each stage with its blocks and their names."""
        named = iter(list(self.features.named_children())[1:-1])
        for stage, count in enumerate(BLOCKS, start=1):
            yield stage, [(f"features.{name}", block) for name, block in islice(named, count)]

    def slots(self) -> dict[str, Slot]:
        slots: dict[str, Slot] = {}
        size = strided(self.image_shape[1:], self.features[0][0].stride[0])
        for stage, blocks in self.stages():
            for number, (name, block) in enumerate(blocks, start=1):
                inputs = block.slots(size)
                for site, (channels, input_size) in inputs.items():
                    slots[f"{name}.{site}"] = Slot(block, site, stage, number, site, channels, input_size)
                channels, size = inputs["post"]
            if stage < len(BLOCKS):
                name = f"{BETWEEN}{stage}"
                slots[name] = Slot(self, name, stage, 1, BETWEEN, channels, size)
        return slots

    def views(self) -> dict[str, nn.Module]:
        return {f"stage{stage}": blocks[-1][1] for stage, blocks in self.stages() if stage in _VIEWED}


def _for_channels(channels: int, like: nn.Conv2d) -> nn.Conv2d:
    """Return a first convolution for images without three channels, initialised like all others."""
    conv = nn.Conv2d(channels, like.out_channels, 3, stride=like.stride[0], padding=1, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out")
    return conv
