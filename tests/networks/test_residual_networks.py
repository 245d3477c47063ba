"""ResNets: against torchvision on copied weights, and against a second writing of the whole network, site by site."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision import models

from attnbench.errors import UserError
from attnbench.networks.attention import se
from attnbench.networks.slots import Network
from attnbench.study import backbones

Place = tuple[str, int, int]  # site, stage, block
FEW = 6  # blocks of a stage: 54 sines in a row make of the last bit of an image the sixth digit of a logit
At = Callable[[Place, Tensor], Tensor]
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


def build(name: str, shape: tuple[int, int, int] = (3, 32, 32), seed: int = 0, **options: Any) -> Network:
    torch.manual_seed(seed)
    network: Network = backbones.load(name).build(10, shape, **options)
    return network


def images(n: int = 2, shape: tuple[int, int, int] = (3, 32, 32)) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


def random_norms(network: nn.Module) -> None:
    """Norms that are told apart: fresh ones all scale by 1 and shift by 0."""
    generator = torch.Generator().manual_seed(2)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)


# The second writing: functions of a state dict, from the paper's figures. `at` is what sits at a place.


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

    def block(name: str, x: Tensor, stride: int, place: tuple[int, int]) -> Tensor:
        y = at(("pre", *place), x)
        if f"{name}.conv3.weight" in weights:
            strides = (stride, 1) if stride_in == "1x1" else (1, stride)
            y = norm(f"{name}.bn1", conv(f"{name}.conv1", y, strides[0])).clamp(min=0)
            y = norm(f"{name}.bn2", conv(f"{name}.conv2", y, strides[1])).clamp(min=0)
            y = norm(f"{name}.bn3", conv(f"{name}.conv3", at(("inner", *place), y)))
        else:
            y = norm(f"{name}.bn1", conv(f"{name}.conv1", y, stride)).clamp(min=0)
            y = norm(f"{name}.bn2", conv(f"{name}.conv2", at(("inner", *place), y)))
        y = at(("standard", *place), y)
        kept = at(("identity", *place), shortcut(name, x, stride, y.shape[1]))
        return at(("post", *place), (kept + y).clamp(min=0))

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


def written_again(network: Network, x: Tensor, options: dict[str, Any], name: str, at: At) -> Tensor:
    stem = "cifar" if name == "resnet_cifar" else options.get("stem", "imagenet")
    return second(dict(network.state_dict()), x, at, stem=stem, stride_in=options.get("stride_in", "3x3"))


class Twist(nn.Module):
    """What commutes with nothing around it: neither a ReLU, nor a norm, nor a sum."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return (x * (1 + self.amount)).sin() + self.amount


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("site", [None, *SITES])
def test_every_site_is_where_the_header_says(kind: str, site: str | None) -> None:
    """Something else sits in the slots of the first blocks; the second writing has it at the place of the figure."""
    name, options = NETWORKS[kind]
    network = build(name, **options).eval().double()
    random_norms(network)
    for slot in network.slots().values():
        if slot.site == site and slot.block <= FEW:
            slot.fill(Twist(0.1 * slot.stage + 0.01 * slot.block))

    def at(place: Place, x: Tensor) -> Tensor:
        return Twist(0.1 * place[1] + 0.01 * place[2])(x) if place[0] == site and place[2] <= FEW else x

    x = images().double()
    torch.testing.assert_close(network(x), written_again(network, x, options, name, at))


@pytest.mark.parametrize(("depth", "training"), [(18, True), (18, False), (50, True)])
def test_logits_and_gradients_are_torchvisions(depth: int, training: bool) -> None:
    torch.manual_seed(5)
    theirs = getattr(models, f"resnet{depth}")(num_classes=10)
    random_norms(theirs)
    ours = build("resnet", depth=depth)
    ours.load_state_dict(theirs.state_dict())
    x, results = images(2, (3, 64, 64)), []
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
        ours = backbones.load("resnet").build(1000, (3, 224, 224), depth=depth).state_dict()
    assert [(name, value.shape) for name, value in ours.items()] == [
        (name, value.shape) for name, value in theirs.items()
    ]


@pytest.mark.parametrize("depth", [18, 50])
def test_the_same_seed_gives_torchvisions_weights(depth: int) -> None:
    torch.manual_seed(9)
    theirs = getattr(models, f"resnet{depth}")(num_classes=10).state_dict()
    ours = build("resnet", seed=9, depth=depth).state_dict()
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


@pytest.mark.parametrize("kind", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 28, 28), (4, 33, 47), (3, 1, 5)])
def test_slots_say_what_comes_in_for_any_image(kind: str, shape: tuple[int, int, int]) -> None:
    name, options = NETWORKS[kind]
    network = build(name, shape, **options).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for slot, module in network.slots().items():
        module.register_forward_hook(lambda module, given, made, slot=slot: seen.update({slot: tuple(given[0].shape)}))
    network(images(2, shape))
    assert list(seen) == list(network.slots())
    assert seen == {slot: (2, found.channels, *found.size) for slot, found in network.slots().items()}


@pytest.mark.parametrize("name", ["resnet", "resnet_cifar"])
def test_slots_are_attributes_of_their_name(name: str) -> None:
    """Random streams, weights and records go by these names."""
    network = build(name, width=4)
    places = network.slots()
    assert {"layer1.0.standard", "layer3.1.inner", "between1", "between2"} <= set(places)
    for slot, place in places.items():
        assert network.get_submodule(slot) is place.module
        module = nn.Linear(1, 1)
        place.fill(module)
        assert network.get_submodule(slot) is module is network.slots()[slot]
    assert all(f"{slot}.weight" in network.state_dict() for slot in places)


@pytest.mark.parametrize("name", ["resnet", "resnet_cifar"])
def test_depths_have_the_blocks_of_their_name(name: str) -> None:
    for depth, blocks in backbones.load(name).BLOCKS.items():
        assert backbones.blocks(name, {"depth": depth}) == blocks
        weighted = {"resnet": 2 if depth < 50 else 3, "resnet_cifar": 2 if depth < 164 else 3}[name]
        assert depth == weighted * sum(blocks) + 2
        with torch.device("meta"):
            places = backbones.load(name).build(10, (3, 32, 32), depth=depth).slots().values()
        assert [slot.block for slot in places if slot.site == "post"] == [
            block for count in blocks for block in range(1, count + 1)
        ]


def test_width_scales_every_stage() -> None:
    places = build("resnet", depth=50, width=5).slots()
    assert [places[f"layer{stage}.0.post"].channels for stage in (1, 2, 3, 4)] == [20, 40, 80, 160]
    assert [places[f"layer{stage}.0.inner"].channels for stage in (1, 2, 3, 4)] == [5, 10, 20, 40]
    places = build("resnet_cifar", width=17).slots()
    assert [places[f"layer{stage}.0.post"].channels for stage in (1, 2, 3)] == [17, 34, 68]
    places = build("resnet_cifar", depth=164, width=3).slots()
    assert [places[f"layer{stage}.0.post"].channels for stage in (1, 2, 3)] == [12, 24, 48]
    assert [places[f"layer{stage}.0.inner"].channels for stage in (1, 2, 3)] == [3, 6, 12]


def test_a_stride_in_a_convolution_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"stride_in: 1x1 means nothing at depth 34.* use depth 50, 101 or 152"):
        build("resnet", depth=34, stride_in="1x1")


@pytest.mark.parametrize("site", SITES)
def test_views_show_the_stages_behind_the_attention_in_them(site: str) -> None:
    network = build("resnet_cifar", width=8).eval()
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
    assert {name: tuple(seen[name].shape[1:]) for name in network.views()} == {
        "layer1": (8, 32, 32),
        "layer2": (16, 16, 16),
        "layer3": (32, 8, 8),
    }
    assert torch.equal(seen["layer3"], seen["layer3.2.post"])
    assert all(torch.equal(output, copy) for output, copy in kept)  # no layer works in place


@pytest.mark.parametrize("kind", NETWORKS)
def test_layers_keep_channels_last(kind: str) -> None:
    name, options = NETWORKS[kind]
    network = build(name, **options).to(memory_format=torch.channels_last)
    seen: list[bool] = []
    for module in network.slots().values():
        module.register_forward_hook(
            lambda module, given, made: seen.append(made.is_contiguous(memory_format=torch.channels_last))
        )
    network(images(2, (3, 64, 64)).contiguous(memory_format=torch.channels_last))
    assert seen
    assert all(seen)
