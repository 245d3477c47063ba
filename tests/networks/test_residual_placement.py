"""Variants in residual networks: blocks, stages, sites behind stages, a wider network, a start as the identity."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.errors import UserError
from attnbench.networks import build as placement
from attnbench.networks.slots import Network
from attnbench.study.schema import Backbone, Variant

NETWORKS: dict[str, dict[str, Any]] = {
    "resnet": {"width": 8, "stem": "cifar"},
    "resnet_cifar": {"width": 8},
    "mobilenet_v2": {"width": 0.25, "stem": "cifar"},
}


def build(attention: str = "none", name: str = "resnet_cifar", seed: int = 0, **rest: Any) -> Network:
    backbone = Backbone(name=name, options=NETWORKS[name])
    variant = Variant(attention=attention, **rest)
    return placement.build(backbone, variant, classes=10, image_shape=(3, 32, 32), seed=seed)


def filled(network: Network) -> list[str]:
    return list(placement.attention_modules(network))


def backbone_state(network: Network) -> dict[str, Tensor]:
    """The weights that are not in a slot; a slot's own names begin with its place."""
    slots = tuple(f"{name}." for name in network.slots())
    return {name: value for name, value in network.state_dict().items() if not name.startswith(slots)}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({"site": "standard"}, [f"layer{stage}.{block}.standard" for stage in (1, 2, 3) for block in (0, 1, 2)]),
        ({"site": "standard", "blocks": "last"}, [f"layer{stage}.2.standard" for stage in (1, 2, 3)]),
        ({"site": "pre", "blocks": "first", "stages": "last"}, ["layer3.0.pre"]),
        ({"site": "inner", "blocks": [1, 3], "stages": [2]}, ["layer2.0.inner", "layer2.2.inner"]),
        ({"site": "between"}, ["between1", "between2"]),
        ({"site": "between", "stages": "last"}, ["between2"]),
        ({"site": "between", "stages": [1], "blocks": "last"}, ["between1"]),
    ],
    ids=str,
)
def test_stages_and_blocks_name_slots(chosen: dict[str, Any], expected: list[str]) -> None:
    assert filled(build("eca", **chosen)) == expected


def test_first_and_last_block_are_those_of_each_stage() -> None:
    """The stages of MobileNetV2 have 1, 2, 3, 4, 3, 3 and 1 blocks, in one row of layers."""
    assert filled(build("eca", "mobilenet_v2", site="inner", blocks="last")) == [
        f"features.{layer}.inner" for layer in (1, 3, 6, 10, 13, 16, 17)
    ]
    assert filled(build("eca", "mobilenet_v2", site="inner", blocks=[4])) == ["features.10.inner"]


def test_a_stage_without_a_slot_behind_it() -> None:
    with pytest.raises(UserError, match=r"no slot of resnet_cifar is at site 'between' in stages \[3\]"):
        build("eca", site="between", stages=[3])


@pytest.mark.parametrize("name", NETWORKS)
def test_all_variants_of_a_seed_share_the_backbones_weights(name: str) -> None:
    expected = build(name=name, seed=7).state_dict()
    for attention, chosen in (
        ("se", {"site": "standard"}),
        ("cbam", {"site": "inner", "blocks": "last"}),
        ("bam", {"site": "between"}),
        ("se", {"site": "post", "start": "identity"}),
    ):
        state = backbone_state(build(attention, name, seed=7, **chosen))
        assert state.keys() == expected.keys()
        assert all(torch.equal(state[key], value) for key, value in expected.items())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("site", ["standard", "pre", "post", "inner", "between"])
def test_a_start_as_the_identity_gives_the_baselines_logits(name: str, site: str) -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    expected = build(name=name).eval()(x)
    assert not torch.equal(build("se", name, site=site).eval()(x), expected)
    assert torch.equal(build("se", name, site=site, start="identity").eval()(x), expected)


def test_a_slot_starts_the_same_whatever_other_slots_hold_and_unlike_them() -> None:
    together = placement.attention_modules(build("se", site="standard"))
    alone = build("se", site="standard", stages=[2], blocks=[3]).slots()["layer2.2.standard"]
    weights = dict(alone.named_parameters())
    assert weights
    for key, value in together["layer2.2.standard"].named_parameters():
        assert torch.equal(value, weights[key])
    other = dict(together["layer2.1.standard"].named_parameters())
    assert any(not torch.equal(other[key], value) for key, value in weights.items())


def test_a_variant_may_widen_or_deepen_the_network() -> None:
    """A control of capacity: no attention, options of its own over the study's."""
    wide = build(backbone={"width": 9})
    assert {slot.channels for slot in wide.slots().values()} == {9, 18, 36}
    deep = build("se", site="standard", backbone={"depth": 32})
    assert len(filled(deep)) == 15
    assert {slot.channels for slot in deep.slots().values()} == {8, 16, 32}  # the study's width stays


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_with_attention_learns(name: str) -> None:
    """A few steps on one batch lower the loss, and every weight has a gradient."""
    network = build("eca", name, site="standard")
    images = torch.randn(16, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(16) % 10
    optimizer = torch.optim.Adam(network.parameters(), lr=3e-3)
    losses = []
    with torch.random.fork_rng():
        torch.manual_seed(0)
        for _ in range(5):
            loss = nn.functional.cross_entropy(network(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in network.parameters())
