"""Filling slots: which ones, with what weights, and what all variants of a seed share."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.networks import build as placement
from attnbench.networks.slots import Network
from attnbench.study import attention, backbones
from attnbench.study.schema import Backbone, Variant

BEFORE = ["block1.before_pool", "block2.before_pool", "block3.before_pool"]
AFTER = ["block1.after_pool", "block2.after_pool", "block3.after_pool"]


def variant(attention: str, site: str | None = "after_pool", **rest: Any) -> Variant:
    return Variant(attention=attention, site=site, **rest)


def build(what: Variant, seed: int = 0, **backbone: Any) -> Network:
    return placement.build(Backbone(name="cnn", **backbone), what, classes=10, image_shape=(3, 32, 32), seed=seed)


def backbone_state(network: Network) -> dict[str, Tensor]:
    """The weights that are not in a slot; a slot's own names begin with its place."""
    slots = tuple(f"{name}." for name in network.slots())
    return {name: value for name, value in network.state_dict().items() if not name.startswith(slots)}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


NOTHING = variant("none", None)
VARIANTS = [
    *(variant(name, site) for name in attention.names() for site in ("before_pool", "after_pool")),
    *(variant("cbam", stages=stages) for stages in ("first", "last", [2, 3])),
]


@pytest.mark.parametrize(
    ("what", "filled"),
    [
        (NOTHING, []),
        (variant("se"), AFTER),
        (variant("se", "before_pool"), BEFORE),
        (variant("se", stages="all"), AFTER),
        (variant("se", stages="first"), AFTER[:1]),
        (variant("se", "before_pool", stages="last"), BEFORE[2:]),
        (variant("se", stages=[2]), AFTER[1:2]),
        (variant("se", stages=[3, 1]), [AFTER[0], AFTER[2]]),
    ],
    ids=lambda value: f"{value.attention}-{value.site}-{value.stages}" if isinstance(value, Variant) else "",
)
def test_the_slots_a_variant_names_are_filled(what: Variant, filled: list[str]) -> None:
    network = build(what)
    modules = placement.attention_modules(network)
    assert list(modules) == filled
    expected = type(attention.load("se").build(8))
    assert all(type(module) is expected for module in modules.values())
    assert all(isinstance(module, nn.Identity) for name, module in network.slots().items() if name not in filled)


def test_modules_get_the_channels_of_their_slot_and_their_options() -> None:
    modules = placement.attention_modules(build(variant("se", options={"bias": False, "reduction": 8})))
    assert [sum(p.numel() for p in module.parameters()) for module in modules.values()] == [
        2 * 32 * 4,
        2 * 64 * 8,
        2 * 128 * 16,
    ]


def test_the_backbone_gets_its_options() -> None:
    network = build(variant("se"), options={"width": 16})
    assert [slot.channels for slot in network.slots().values()] == [16, 16, 32, 32, 64, 64]


def test_all_variants_of_a_seed_share_the_backbones_weights() -> None:
    expected = build(NOTHING, seed=7).state_dict()
    for what in VARIANTS:
        assert same(backbone_state(build(what, seed=7)), expected)


def test_another_seed_gives_other_weights_everywhere() -> None:
    first, other = (build(variant("se"), seed=seed) for seed in (0, 1))
    for name, parameter in first.named_parameters():
        if "norm" not in name:  # batch norms start at 1 and 0
            assert not torch.equal(parameter, other.get_parameter(name)), name


@pytest.mark.parametrize("name", attention.names())
def test_the_same_seed_gives_the_same_bits(name: str) -> None:
    assert same(build(variant(name), seed=3).state_dict(), build(variant(name), seed=3).state_dict())


@pytest.mark.parametrize("name", attention.names())
def test_a_slot_starts_the_same_whatever_other_slots_hold(name: str) -> None:
    together = placement.attention_modules(build(variant(name)))
    for stage, slot in enumerate(AFTER, start=1):
        alone = placement.attention_modules(build(variant(name, stages=[stage])))
        assert same(alone[slot].state_dict(), together[slot].state_dict())


def test_slots_start_differently_from_each_other() -> None:
    """ECA has kernels of equal size in the first two blocks: equal streams would show."""
    kernels = [
        module.state_dict()["conv.weight"] for module in placement.attention_modules(build(variant("eca"))).values()
    ]
    assert kernels[0].shape == kernels[1].shape
    assert not torch.equal(kernels[0], kernels[1])


def test_sites_start_differently_from_each_other() -> None:
    before, after = (build(variant("eca", site)).slots()[f"block1.{site}"] for site in ("before_pool", "after_pool"))
    assert not same(before.state_dict(), after.state_dict())


@pytest.mark.parametrize("what", [NOTHING, variant("cbam")], ids=["none", "cbam"])
def test_the_global_generator_is_left_alone_and_not_used(what: Variant) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(what)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert same(first.state_dict(), build(what).state_dict())


def test_stages_by_word_and_by_number() -> None:
    numbers = [1, 2, 3, 4]
    assert backbones.numbers("all", numbers) == {1, 2, 3, 4}
    assert backbones.numbers("first", numbers) == {1}
    assert backbones.numbers("last", numbers) == {4}
    assert backbones.numbers([2, 4], numbers) == {2, 4}


@pytest.mark.parametrize("name", attention.names())
def test_a_network_with_attention_learns(name: str) -> None:
    """A few steps on one batch lower the loss: gradients flow through every filled slot."""
    network = build(variant(name), options={"width": 8, "hidden": 64})
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 10
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(8):
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
