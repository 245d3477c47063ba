"""MobileNetV2: torchvision's on copied weights and from the same seed, strides for small images, and its sites."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision import models

from attnbench.networks.attention import se
from attnbench.networks.slots import Network
from attnbench.study import backbones

SITES = backbones.sites("mobilenet_v2")
SMALL: dict[str, Any] = {"width": 0.25, "stem": "cifar", "dropout": 0.0}


def build(shape: tuple[int, int, int] = (3, 32, 32), seed: int = 0, **options: Any) -> Network:
    torch.manual_seed(seed)
    network: Network = backbones.load("mobilenet_v2").build(10, shape, **options)
    return network


def images(n: int = 2, shape: tuple[int, int, int] = (3, 32, 32)) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("width", [1.0, 0.35])
def test_torchvisions_weights_from_the_same_seed_and_its_logits_and_gradients(width: float) -> None:
    torch.manual_seed(4)
    theirs = models.mobilenet_v2(num_classes=10, width_mult=width, dropout=0.0)
    ours = build(seed=4, width=width, dropout=0.0)
    mine, others = ours.state_dict(), theirs.state_dict()
    assert list(mine) == list(others)
    assert all(torch.equal(mine[name], value) for name, value in others.items())
    ours.load_state_dict(others)
    x = images(2, (3, 64, 64))
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
    large, small = build(width=0.25).state_dict(), build(width=0.25, stem="cifar").state_dict()
    assert all(torch.equal(small[name], value) for name, value in large.items())


@pytest.mark.parametrize("stem", ["imagenet", "cifar"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (4, 33, 47), (3, 1, 5)])
def test_any_image(shape: tuple[int, int, int], stem: str) -> None:
    network = build(shape, **{**SMALL, "stem": stem}).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for slot, module in network.slots().items():
        module.register_forward_hook(lambda module, given, made, slot=slot: seen.update({slot: tuple(given[0].shape)}))
    assert network(images(2, shape)).isfinite().all()
    assert list(seen) == list(network.slots())
    assert seen == {slot: (2, found.channels, *found.size) for slot, found in network.slots().items()}


def test_a_first_convolution_for_grey_images_starts_like_torchvisions() -> None:
    weight = build((1, 32, 32), width=4.0).get_parameter("features.0.0.weight")  # (128, 1, 3, 3)
    assert weight.std().item() == pytest.approx((2 / (9 * 128)) ** 0.5, rel=0.1)


class Twist(nn.Module):
    """What commutes with nothing around it."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return (x * (1 + self.amount)).sin() + self.amount


def second(network: Network, x: Tensor, site: str | None) -> Tensor:
    """The network written again from its layers, with a Twist at the place of the site in the paper's figure."""
    twist = Twist(0.3)

    def at(place: str, x: Tensor) -> Tensor:
        return twist(x) if place == site else x

    layers: Any = network.get_submodule("features")
    x = layers[0](x)
    ends = [0, 1, 3, 6, 10, 13, 16, 17]  # the last layer of each stage, the first convolution being stage 0
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
    pooled = layers[18](x).flatten(2).mean(2)
    logits: Tensor = network.get_submodule("classifier")(pooled)
    return logits


@pytest.mark.parametrize("site", [None, *SITES])
def test_every_site_is_where_the_header_says(site: str | None) -> None:
    network = build(**{**SMALL, "width": 0.5}).eval().double()  # widths that round to different ones in every stage
    x = images().double()
    expected = second(network, x, site)
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(Twist(0.3))
    torch.testing.assert_close(network(x), expected)


def test_inner_slots_are_as_wide_as_the_depth_wise_convolution() -> None:
    for name, slot in build(width=0.5).slots().items():
        if slot.site == "inner":
            owner: Any = slot.owner
            (depth_wise,) = (layer for layer in owner.modules() if isinstance(layer, nn.Conv2d) and layer.groups > 1)
            assert slot.channels == depth_wise.out_channels, name


def test_slots_are_attributes_of_their_name() -> None:
    network = build(**SMALL)
    places = network.slots()
    assert {"features.1.inner", "features.17.post", "between1", "between6"} <= set(places)
    for slot, place in places.items():
        place.fill(nn.Linear(1, 1))
        assert network.get_submodule(slot) is place.module is network.slots()[slot]


@pytest.mark.parametrize("site", SITES)
def test_views_show_stages_behind_the_attention_in_them(site: str) -> None:
    network = build(**SMALL).eval()
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(se.build(slot.channels))
    seen: dict[str, Tensor] = {}
    kept: list[tuple[Tensor, Tensor]] = []
    for name, module in (network.views() | network.slots()).items():
        module.register_forward_hook(lambda module, given, made, name=name: seen.update({name: made}))
    for module in network.modules():
        module.register_forward_hook(lambda module, given, made: kept.append((made, made.clone())))
    network(images())
    behind = {"stage1": "1.post", "stage2": "3.post", "stage3": "6.post", "stage5": "13.post", "stage7": "17.post"}
    assert list(network.views()) == list(behind)
    assert all(torch.equal(seen[view], seen[f"features.{slot}"]) for view, slot in behind.items())
    assert [seen[view].shape[2] for view in behind] == [32, 32, 16, 8, 4]
    assert all(torch.equal(output, copy) for output, copy in kept)  # no layer works in place
