"""ResNets against torchvision on copied weights, and against a second implementation, site by site."""

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch
from networks.reference import Twist, images
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from attnbench import networks
from attnbench.errors import UserError
from attnbench.networks import Network
from attnbench.study import backbones

Position = tuple[str, int, int]  # site, stage, block
FEW = 6  # blocks of a stage: 54 sines in a row amplify the last bit of an image to the sixth digit of a logit
At = Callable[[Position, Tensor], Tensor]
SITES = backbones.sites("resnet")
NETWORKS = {
    "basic": ("resnet", {"width": 8}),
    "bottleneck": ("resnet", {"depth": 50, "width": 4}),
    "bottleneck, strides in 1x1": ("resnet", {"depth": 50, "width": 4, "stride_in": "1x1"}),
    "basic, small images": ("resnet", {"depth": 34, "width": 4, "stem": "cifar"}),
    "cifar": ("resnet_cifar", {"width": 4}),
    "cifar, projected": ("resnet_cifar", {"width": 4, "shortcut": "projection"}),
    "cifar, bottleneck": ("resnet_cifar", {"depth": 164, "width": 2}),
    "cifar, bottleneck, projected": ("resnet_cifar", {"depth": 164, "width": 2, "shortcut": "projection"}),
}


def build(name: str, **options: Any) -> Network:
    return networks.build_backbone(name, 10, (3, 32, 32), options)


def random_norms(network: nn.Module) -> None:
    """Distinguish the norms: initially, all scale by 1 and shift by 0."""
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)


# The second implementation: functions of a state dict, from the paper's figures. `at` is the module at a position.


def second(weights: dict[str, Tensor], x: Tensor, at: At, *, stem: str, stride_in: str) -> Tensor:
    """Logits in eval mode of a residual network with these weights."""

    def conv(name: str, x: Tensor, stride: int = 1) -> Tensor:
        weight = weights[f"{name}.weight"]
        return functional.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)

    def norm(name: str, x: Tensor) -> Tensor:
        scale, shift, mean, var = (
            weights[f"{name}.{key}"][:, None, None] for key in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / (var + 1e-5).sqrt() * scale + shift

    def shortcut(name: str, x: Tensor, stride: int, channels: int) -> Tensor:
        if f"{name}.downsample.0.weight" in weights:
            return norm(f"{name}.downsample.1", conv(f"{name}.downsample.0", x, stride))
        x = x[:, :, ::stride, ::stride]
        return torch.cat([x, x.new_zeros(len(x), channels - x.shape[1], *x.shape[2:])], dim=1)

    def block(name: str, x: Tensor, stride: int, position: tuple[int, int]) -> Tensor:
        y = at(("pre", *position), x)
        if f"{name}.conv3.weight" in weights:
            strides = (stride, 1) if stride_in == "1x1" else (1, stride)
            y = norm(f"{name}.bn1", conv(f"{name}.conv1", y, strides[0])).clamp(min=0)
            y = at(("before_norm", *position), conv(f"{name}.conv2", y, strides[1]))
            y = norm(f"{name}.bn2", y).clamp(min=0)
            y = norm(f"{name}.bn3", conv(f"{name}.conv3", at(("inner", *position), y)))
        else:
            y = norm(f"{name}.bn1", conv(f"{name}.conv1", y, stride)).clamp(min=0)
            y = at(("before_norm", *position), conv(f"{name}.conv2", at(("inner", *position), y)))
            y = norm(f"{name}.bn2", y)
        y = at(("standard", *position), y)
        skip = at(("identity", *position), shortcut(name, x, stride, y.shape[1]))
        return at(("post", *position), (skip + y).clamp(min=0))

    large = stem == "imagenet"
    x = norm("bn1", conv("conv1", x, 2 if large else 1)).clamp(min=0)
    x = functional.max_pool2d(x, 3, 2, 1) if large else x
    stages = {int(name[5]) for name in weights if name.startswith("layer")}
    for stage in sorted(stages):
        count = len({name.split(".")[1] for name in weights if name.startswith(f"layer{stage}.")})
        for number in range(count):
            x = block(f"layer{stage}.{number}", x, 2 if stage > 1 and number == 0 else 1, (stage, number + 1))
        x = at(("between", stage, 1), x) if stage < max(stages) else x
    return x.flatten(2).mean(2) @ weights["fc.weight"].T + weights["fc.bias"]


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("site", [None, *SITES])
def test_every_site_is_where_the_header_says(kind: str, site: str | None) -> None:
    """With another function in the slots of the first blocks, at the position that the figure shows."""
    name, options = NETWORKS[kind]
    network = build(name, **options).eval().double()
    random_norms(network)
    for slot in network.slots().values():
        if slot.site == site and slot.block <= FEW:
            slot.fill(Twist(0.1 * slot.stage + 0.01 * slot.block))

    def at(position: Position, x: Tensor) -> Tensor:
        twisted = position[0] == site and position[2] <= FEW
        return Twist(0.1 * position[1] + 0.01 * position[2])(x) if twisted else x

    x, stem = images().double(), "cifar" if name == "resnet_cifar" else options.get("stem", "imagenet")
    expected = second(dict(network.state_dict()), x, at, stem=stem, stride_in=options.get("stride_in", "3x3"))
    torch.testing.assert_close(network(x), expected)


@pytest.mark.parametrize(("depth", "training"), [(18, True), (18, False), (50, True)])
def test_logits_and_gradients_are_torchvisions(depth: int, training: bool) -> None:
    torch.manual_seed(5)
    theirs = getattr(models, f"resnet{depth}")(num_classes=10)
    random_norms(theirs)
    ours = build("resnet", depth=depth)
    ours.load_state_dict(theirs.state_dict())
    x, results = images((3, 64, 64)), []
    for network in (ours, theirs):
        logits = network.train(training)(x)
        weight = torch.randn(logits.shape, generator=torch.Generator().manual_seed(3))
        results.append((logits, torch.autograd.grad((logits * weight).sum(), list(network.parameters()))))
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)
    buffers = zip(ours.buffers(), theirs.buffers(), strict=True)
    assert all(torch.equal(mine, other) for mine, other in buffers)


@pytest.mark.parametrize("depth", [18, 34, 50, 101, 152])
def test_names_and_shapes_of_the_weights_are_torchvisions(depth: int) -> None:
    with torch.device("meta"):
        theirs = getattr(models, f"resnet{depth}")().state_dict()
        ours = networks.build_backbone("resnet", 1000, (3, 224, 224), {"depth": depth}).state_dict()
    assert [(name, value.shape) for name, value in ours.items()] == [
        (name, value.shape) for name, value in theirs.items()
    ]


@pytest.mark.parametrize("depth", [18, 50])
def test_the_same_seed_gives_torchvisions_weights(depth: int) -> None:
    torch.manual_seed(9)
    theirs = getattr(models, f"resnet{depth}")(num_classes=10).state_dict()
    torch.manual_seed(9)
    ours = build("resnet", depth=depth).state_dict()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())


@pytest.mark.parametrize("options", [{}, {"shortcut": "projection"}], ids=str)
def test_convolutions_start_with_the_variance_of_their_outputs(options: Any) -> None:
    network = build("resnet_cifar", **options)
    spreads = {
        name: module.weight.std().item() / (2 / (module.kernel_size[0] ** 2 * module.out_channels)) ** 0.5
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d)
    }
    assert len(spreads) == 19 + (2 if options else 0)
    assert all(abs(spread - 1) < 0.12 for spread in spreads.values()), spreads
    assert abs(sum(spreads.values()) / len(spreads) - 1) < 0.01
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    assert all((norm.weight == 1).all() and (norm.bias == 0).all() for norm in norms)


@pytest.mark.parametrize("name", ["resnet", "resnet_cifar"])
def test_depths_have_the_blocks_of_their_name(name: str) -> None:
    for depth in get_args(backbones.options(name)["depth"].type):
        blocks = backbones.blocks(name, {"depth": depth})
        weighted = {"resnet": 2 if depth < 50 else 3, "resnet_cifar": 2 if depth < 164 else 3}[name]
        assert depth == weighted * sum(blocks) + 2
        with torch.device("meta"):
            slots = build(name, depth=depth).slots().values()
        assert [slot.block for slot in slots if slot.site == "post"] == [
            block for count in blocks for block in range(1, count + 1)
        ]


def test_width_scales_every_stage() -> None:
    slots = build("resnet", depth=50, width=5).slots()
    assert [slots[f"layer{stage}.0.post"].channels for stage in (1, 2, 3, 4)] == [20, 40, 80, 160]
    assert [slots[f"layer{stage}.0.inner"].channels for stage in (1, 2, 3, 4)] == [5, 10, 20, 40]
    slots = build("resnet_cifar", width=17).slots()
    assert [slots[f"layer{stage}.0.post"].channels for stage in (1, 2, 3)] == [17, 34, 68]
    slots = build("resnet_cifar", depth=164, width=3).slots()
    assert [slots[f"layer{stage}.0.post"].channels for stage in (1, 2, 3)] == [12, 24, 48]
    assert [slots[f"layer{stage}.0.inner"].channels for stage in (1, 2, 3)] == [3, 6, 12]


def test_a_stride_in_a_convolution_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UserError, match=r"stride_in: 1x1 has no effect at depth 34.* use depth 50, 101 or 152"):
        build("resnet", depth=34, stride_in="1x1")
