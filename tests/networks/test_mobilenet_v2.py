"""MobileNetV2: torchvision's on copied weights and from the same seed, strides for small images, and its sites."""

from typing import Any

import pytest
import torch
from networks.reference import Shape, Twist, images
from torch import Tensor, nn
from torchvision import models

from attnbench import networks
from attnbench.networks import Network
from attnbench.study import backbones


def build(shape: Shape = (3, 32, 32), **options: Any) -> Network:
    return networks.build_backbone("mobilenet_v2", 10, shape, options)


@pytest.mark.parametrize("width", [1.0, 0.35])
def test_torchvisions_weights_from_the_same_seed_and_its_logits_and_gradients(width: float) -> None:
    torch.manual_seed(4)
    theirs = models.mobilenet_v2(num_classes=10, width_mult=width, dropout=0.0)
    torch.manual_seed(4)
    ours = build(width=width, dropout=0.0)
    mine, others = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(others)
    assert all(torch.equal(mine[name], value) for name, value in others.items())
    x = images((3, 64, 64))
    for training in (True, False):
        results = []
        for network in (ours, theirs):
            logits = network.train(training)(x)
            results.append((logits, torch.autograd.grad(logits.square().sum(), list(network.parameters()))))
        torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_dropout_is_torchvisions_by_default() -> None:
    rates = [module.p for module in build(width=0.25).modules() if isinstance(module, nn.Dropout)]
    assert rates == [module.p for module in models.mobilenet_v2().modules() if isinstance(module, nn.Dropout)] == [0.2]


@pytest.mark.parametrize(("stem", "sizes"), [("imagenet", [16, 8, 4, 2, 2, 1, 1]), ("cifar", [32, 32, 16, 8, 8, 4, 4])])
def test_sizes_of_the_stages_for_small_images(stem: str, sizes: list[int]) -> None:
    for channels in (3, 1):
        network = build((channels, 32, 32), stem=stem, width=0.25)
        last = {slot.stage: slot.size for slot in network.slots().values() if slot.site == "post"}
        assert list(last.values()) == [(size, size) for size in sizes]


def test_strides_for_small_images_change_no_weight() -> None:
    torch.manual_seed(0)
    large = build(width=0.25).state_dict()
    torch.manual_seed(0)
    small = build(width=0.25, stem="cifar").state_dict()
    assert all(torch.equal(small[name], value) for name, value in large.items())


def test_a_first_convolution_for_grey_images_starts_like_torchvisions() -> None:
    weight = build((1, 32, 32), width=4.0).get_parameter("features.0.0.weight")  # (128, 1, 3, 3)
    assert weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.1)


def second(network: Network, x: Tensor, site: str | None) -> Tensor:
    """A second implementation from the network's layers, with a Twist where the paper's figure has the site."""
    twist = Twist(0.3)

    def at(position: str, x: Tensor) -> Tensor:
        return twist(x) if position == site else x

    layers: Any = network.get_submodule("features")
    x = layers[0](x)
    ends = [0, 1, 3, 6, 10, 13, 16, 17]  # the last layer of each stage; the first convolution is stage 0
    for number in range(1, 18):
        block = layers[number].conv
        y = at("pre", x)
        for widening in block[:-3]:
            y = widening(y)
        y = at("inner", block[-3](y))  # the depth-wise convolution with its norm and ReLU6
        y = at("standard", block[-1](block[-2](y)))
        y = x + y if number - 1 not in ends else y  # the first block of a stage has no shortcut
        x = at("post", y)
        x = at("between", x) if number in ends[1:-1] else x
    logits: Tensor = network.get_submodule("classifier")(layers[18](x).flatten(2).mean(2))
    return logits


@pytest.mark.parametrize("site", [None, *backbones.sites("mobilenet_v2")])
def test_every_site_is_where_the_header_says(site: str | None) -> None:
    network = build(width=0.5, stem="cifar", dropout=0.0).eval().double()  # a width that differs in every stage
    x = images().double()
    expected = second(network, x, site)
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(Twist(0.3))
    torch.testing.assert_close(network(x), expected)
