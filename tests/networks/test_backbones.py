"""The contract of backbones: their slots, their views, and every module in their slots."""

from typing import Any

import pytest
import torch
from networks.reference import Shape, attention, images, recorded_inputs
from torch import Tensor, nn

from attnbench import networks
from attnbench.networks import Network
from attnbench.study import attention as modules
from attnbench.study import backbones

NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "cnn": ("cnn", {"width": 8}),
    "resnet": ("resnet", {"width": 8}),
    "resnet, bottlenecks": ("resnet", {"depth": 50, "width": 4}),
    "resnet, strides in 1x1": ("resnet", {"depth": 50, "width": 4, "stride_in": "1x1"}),
    "resnet, small images": ("resnet", {"depth": 34, "width": 4, "stem": "cifar"}),
    "resnet_cifar": ("resnet_cifar", {"width": 8}),
    "resnet_cifar, projections": ("resnet_cifar", {"width": 4, "shortcut": "projection"}),
    "resnet_cifar, bottlenecks": ("resnet_cifar", {"depth": 164, "width": 2}),
    "resnet_cifar, projected bottlenecks": ("resnet_cifar", {"depth": 164, "width": 2, "shortcut": "projection"}),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.25}),
    "mobilenet_v2, small images": ("mobilenet_v2", {"width": 0.25, "stem": "cifar"}),
}
ONE_OF_EACH = ("cnn", "resnet", "resnet_cifar", "mobilenet_v2, small images")
SHAPES = [(3, 32, 32), (1, 28, 28), (4, 33, 47), (3, 1, 5)]
VIEWS = {
    "cnn": [(8, 32), (16, 16), (32, 8)],
    "resnet": [(8, 8), (16, 4), (32, 2), (64, 1)],
    "resnet_cifar": [(8, 32), (16, 16), (32, 8)],
    "mobilenet_v2, small images": [(8, 32), (8, 32), (8, 16), (24, 8), (80, 4)],
}


def build(kind: str, shape: Shape = (3, 32, 32)) -> Network:
    name, options = NETWORKS[kind]
    return networks.build_backbone(name, 7, shape, options)


def test_every_backbone_is_tested() -> None:
    assert {name for name, _ in NETWORKS.values()} == set(backbones.names())


@pytest.mark.parametrize("name", backbones.names())
def test_every_block_has_every_site_that_the_source_declares(name: str) -> None:
    slots = networks.build_backbone(name, 7, (3, 32, 32)).slots()
    assert sorted((slot.site, slot.stage, slot.block) for slot in slots.values()) == sorted(
        (site, stage, block)
        for site in backbones.sites(name)
        for stage, count in enumerate(backbones.blocks(name, {}, site), start=1)
        for block in range(1, count + 1)
    )


@pytest.mark.parametrize("kind", NETWORKS)
def test_slots_have_the_channels_and_the_size_of_their_input(kind: str) -> None:
    for shape in SHAPES:
        if kind == "cnn" and min(shape[1:]) < 8:  # its three pools would leave nothing
            continue
        network = build(kind, shape).eval()
        inputs = recorded_inputs(network, images(shape))
        assert list(inputs) == list(network.slots())  # in the order of the data
        assert {name: tuple(x.shape) for name, x in inputs.items()} == {
            name: (2, slot.channels, *slot.size) for name, slot in network.slots().items()
        }


@pytest.mark.parametrize("kind", ONE_OF_EACH)
def test_slots_are_attributes_of_their_name(kind: str) -> None:
    """Random streams, weights and records use these names."""
    network = build(kind)
    for name, slot in network.slots().items():
        assert network.get_submodule(name) is slot.module
        module = nn.Linear(1, 1)
        slot.fill(module)
        assert network.get_submodule(name) is module is network.slots()[name].module
    assert all(f"{name}.weight" in network.state_dict() for name in network.slots())


@pytest.mark.parametrize("name", backbones.names())
@pytest.mark.parametrize("module", modules.names())
def test_logits_with_any_module(name: str, module: str) -> None:
    """In the first block of each stage, at one site after another, starting with another one for each module."""
    options = {"resnet": {"width": 8}, "mobilenet_v2": {"width": 0.25}}.get(name, {})
    network = networks.build_backbone(name, 7, (3, 32, 32), options)
    sites, turn = backbones.sites(name), modules.names().index(module)
    ran: list[str] = []
    filled = {
        key: slot
        for key, slot in network.slots().items()
        if slot.block == 1 and slot.site == sites[(slot.stage + turn) % len(sites)]
    }
    for key, slot in filled.items():
        slot.fill(attention(module, slot.channels, slot.size))
        slot.module.register_forward_hook(lambda module, args, output, key=key: ran.append(key))
    logits = network.eval()(torch.rand(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    assert ran == list(filled) != []


@pytest.mark.parametrize(
    ("kind", "site"), [(kind, site) for kind in ONE_OF_EACH for site in backbones.sites(NETWORKS[kind][0])]
)
def test_views_show_the_stages_with_their_attention_and_nothing_works_in_place(kind: str, site: str) -> None:
    network = build(kind).eval()
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(attention("se", slot.channels))
    seen: dict[str, Tensor] = {}
    outputs: list[tuple[Tensor, Tensor]] = []
    for name, module in network.views().items():
        module.register_forward_hook(lambda module, args, output, name=name: seen.update({name: output}))
    for module in network.modules():
        module.register_forward_hook(lambda module, args, output: outputs.append((output, output.clone())))
    inputs = recorded_inputs(network, images())
    assert list(seen) == list(network.views())
    assert [(view.shape[1], view.shape[2]) for view in seen.values()] == VIEWS[kind]
    assert all(torch.equal(output, copy) for output, copy in outputs)
    if site == "between":  # a stage ends before the slot that follows it
        stages = [inputs[name] for name in inputs if name.startswith("between")]
        assert sum(any(view is stage for stage in stages) for view in seen.values()) == len(seen) - 1


@pytest.mark.parametrize("kind", NETWORKS)
def test_layers_keep_channels_last(kind: str) -> None:
    network = build(kind, (3, 64, 64)).to(memory_format=torch.channels_last)
    x = images((3, 64, 64)).contiguous(memory_format=torch.channels_last)
    inputs = recorded_inputs(network, x)
    assert inputs
    assert all(features.is_contiguous(memory_format=torch.channels_last) for features in inputs.values())
