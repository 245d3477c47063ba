"""What every backbone file says of itself, and what every network promises."""

import inspect
from typing import Any

import pytest
import torch

from attnbench.networks.slots import Network
from attnbench.study import attention, backbones

NAMES = backbones.names()


def build(name: str) -> Network:
    torch.manual_seed(0)
    network: Network = backbones.load(name).build(7, (3, 32, 32))
    return network


def test_the_folder_is_the_list() -> None:
    assert "cnn" in NAMES
    assert sorted(NAMES) == NAMES
    assert not [name for name in NAMES if name.startswith("_")]


@pytest.mark.parametrize("name", NAMES)
def test_constants_and_options_read_from_the_source_are_pythons(name: str) -> None:
    module = backbones.load(name)
    assert (backbones.paper(name), backbones.sites(name)) == (module.PAPER, module.SITES)
    parameters = [p for p in inspect.signature(module.build).parameters.values() if p.kind is p.KEYWORD_ONLY]
    assert [(option.name, option.default, option.type) for option in backbones.options(name).values()] == [
        (p.name, p.default, p.annotation) for p in parameters
    ]
    assert "Parameters:" in module.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_every_block_has_every_site_that_the_source_promises(name: str) -> None:
    places = build(name).slots()
    assert sorted((slot.site, slot.stage, slot.block) for slot in places.values()) == sorted(
        (site, stage, block)
        for site in backbones.sites(name)
        for stage, count in enumerate(backbones.blocks(name, {}, site), start=1)
        for block in range(1, count + 1)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 64, 40)])
def test_slots_say_what_comes_in(name: str, shape: tuple[int, int, int]) -> None:
    torch.manual_seed(0)
    network: Network = backbones.load(name).build(7, shape)
    seen: dict[str, tuple[int, ...]] = {}
    for slot, module in network.slots().items():
        module.register_forward_hook(
            lambda module, inputs, output, slot=slot: seen.update({slot: tuple(inputs[0].shape[1:])})
        )
    network.eval()(torch.rand(2, *shape))
    assert seen == {name: (slot.channels, *slot.size) for name, slot in network.slots().items()}
    assert list(seen) == list(network.slots())  # in the order of the data


SMALL: dict[str, dict[str, Any]] = {"resnet": {"width": 8}, "mobilenet_v2": {"width": 0.25}}  # a quarter of the time


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("module", attention.names())
def test_logits_with_any_module(name: str, module: str) -> None:
    """In the first block of each stage, at one site after another, beginning with another for each module."""
    torch.manual_seed(0)
    network: Network = backbones.load(name).build(7, (3, 32, 32), **SMALL.get(name, {}))
    sites = backbones.sites(name)
    turn = attention.names().index(module)
    wanted = {(stage, sites[(stage + turn) % len(sites)]) for stage in range(1, len(backbones.blocks(name, {})) + 1)}
    ran: list[str] = []
    filled = {
        key: slot for key, slot in network.slots().items() if slot.block == 1 and (slot.stage, slot.site) in wanted
    }
    for key, slot in filled.items():
        slot.fill(attention.build(module, slot.channels, slot.size, {}))
        slot.module.register_forward_hook(lambda module, given, made, key=key: ran.append(key))
    logits = network.eval()(torch.rand(2, 3, 32, 32))
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    assert ran == list(filled) != []


@pytest.mark.parametrize("name", NAMES)
def test_views_are_modules_that_run_once_each(name: str) -> None:
    network = build(name).eval()
    seen: list[str] = []
    for view, module in network.views().items():
        module.register_forward_hook(lambda module, inputs, output, view=view: seen.append(view))
    network(torch.rand(2, 3, 32, 32))
    assert seen == list(network.views())
