"""Building a variant's network: which slots are filled, with which weights, and what all variants of a seed share."""

from typing import Any

import params
import pytest
import torch
from networks.reference import images, parameters
from torch import Tensor, nn

from attnbench import networks
from attnbench.errors import UserError
from attnbench.networks import Network
from attnbench.study import attention
from attnbench.study.selection import select

BACKBONES: dict[str, dict[str, Any]] = {
    "cnn": {},
    "resnet": {"width": 8, "stem": "cifar"},
    "resnet_cifar": {"width": 8},
    "mobilenet_v2": {"width": 0.25, "stem": "cifar"},
}
BEFORE = ["block1.before_pool", "block2.before_pool", "block3.before_pool"]
AFTER = ["block1.after_pool", "block2.after_pool", "block3.after_pool"]
RESIDUAL = [f"layer{stage}.{block}.standard" for stage in (1, 2, 3) for block in (0, 1, 2)]
SITES = {"cnn": "after_pool", "resnet": "standard", "resnet_cifar": "standard", "mobilenet_v2": "standard"}


class Images:
    """The properties of CIFAR-10 that a network depends on."""

    classes = tuple("abcdefghij")
    image_shape = (3, 32, 32)


def build(module: str = "none", name: str = "cnn", seed: int = 0, **variant: Any) -> Network:
    """The network of a variant in the backbone `name`, at its usual site."""
    if module != "none":
        variant = {"site": SITES[name], **variant}
    study = params.study(
        backbone={"name": name, "options": BACKBONES[name]},
        variants={"baseline": {"attention": "none"}, "tested": {"attention": module, **variant}},
    )
    return networks.build(study, "tested", Images(), seed)


def filled(network: Network) -> list[str]:
    return list(networks.attention_modules(network))


def backbone_state(network: Network) -> dict[str, Tensor]:
    """The weights outside the slots; the names of a slot's weights begin with its own."""
    slots = tuple(f"{name}." for name in network.slots())
    return {name: value for name, value in network.state_dict().items() if not name.startswith(slots)}


def same(first: dict[str, Tensor], second: dict[str, Tensor]) -> bool:
    return first.keys() == second.keys() and all(torch.equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize(
    ("module", "backbone", "variant", "expected"),
    [
        ("none", "cnn", {}, []),
        ("se", "cnn", {}, AFTER),
        ("se", "cnn", {"site": "before_pool"}, BEFORE),
        ("se", "cnn", {"stages": "first"}, AFTER[:1]),
        ("se", "cnn", {"site": "before_pool", "stages": "last"}, BEFORE[2:]),
        ("se", "cnn", {"stages": [3, 1]}, [AFTER[0], AFTER[2]]),
        ("eca", "resnet_cifar", {}, RESIDUAL),
        ("eca", "resnet_cifar", {"blocks": "last"}, RESIDUAL[2::3]),
        ("eca", "resnet_cifar", {"site": "pre", "blocks": "first", "stages": "last"}, ["layer3.0.pre"]),
        (
            "eca",
            "resnet_cifar",
            {"site": "inner", "blocks": [1, 3], "stages": [2]},
            ["layer2.0.inner", "layer2.2.inner"],
        ),
        ("eca", "resnet_cifar", {"site": "between"}, ["between1", "between2"]),
        ("eca", "resnet_cifar", {"site": "between", "stages": "last"}, ["between2"]),
        ("eca", "resnet_cifar", {"site": "between", "stages": [1], "blocks": "last"}, ["between1"]),
        # the stages of MobileNetV2 have 1, 2, 3, 4, 3, 3 and 1 blocks
        (
            "eca",
            "mobilenet_v2",
            {"site": "inner", "blocks": "last"},
            [f"features.{layer}.inner" for layer in (1, 3, 6, 10, 13, 16, 17)],
        ),
        ("eca", "mobilenet_v2", {"site": "inner", "blocks": [4]}, ["features.10.inner"]),
    ],
    ids=str,
)
def test_the_slots_that_a_variant_names_are_filled(
    module: str, backbone: str, variant: dict[str, Any], expected: list[str]
) -> None:
    assert filled(build(module, backbone, **variant)) == expected


def test_a_variant_without_a_slot_is_refused() -> None:
    with pytest.raises(UserError, match=r"no slot of resnet_cifar is at site 'between' in stages \[3\] and blocks all"):
        build("eca", "resnet_cifar", site="between", stages=[3])


def test_modules_get_the_channels_of_their_slot_and_their_options() -> None:
    modules = networks.attention_modules(build("se", options={"bias": False, "reduction": 8}))
    assert [parameters(module) for module in modules.values()] == [2 * 32 * 4, 2 * 64 * 8, 2 * 128 * 16]


def test_a_variant_may_widen_or_deepen_the_network() -> None:
    """A control of capacity: no attention, and its own options over those of the study."""
    wide = build(name="resnet_cifar", backbone={"width": 9})
    assert {slot.channels for slot in wide.slots().values()} == {9, 18, 36}
    deep = build("se", "resnet_cifar", backbone={"depth": 32})
    assert len(filled(deep)) == 15
    assert {slot.channels for slot in deep.slots().values()} == {8, 16, 32}  # the study's width stays


def test_all_variants_of_a_seed_share_the_weights_of_the_backbone() -> None:
    for backbone in BACKBONES:
        expected = build(name=backbone, seed=7).state_dict()
        for variant in ({"module": "se"}, {"module": "cbam", "blocks": "last"}, {"module": "se", "start": "identity"}):
            assert same(backbone_state(build(name=backbone, seed=7, **variant)), expected)


def test_another_seed_gives_other_weights_everywhere() -> None:
    first, other = (build("se", seed=seed) for seed in (0, 1))
    for name, parameter in first.named_parameters():
        if parameter.std() > 0:  # norms and the biases of gates start at constants
            assert not torch.equal(parameter, other.get_parameter(name)), name


@pytest.mark.parametrize(("backbone", "stages", "slot"), [("cnn", [2], AFTER[1]), ("resnet_cifar", [2], RESIDUAL[5])])
def test_the_weights_in_a_slot_do_not_depend_on_other_slots(backbone: str, stages: list[int], slot: str) -> None:
    together = networks.attention_modules(build("cbam", backbone))
    alone = networks.attention_modules(build("cbam", backbone, stages=stages))
    assert same(alone[slot].state_dict(), together[slot].state_dict())


def test_every_slot_has_its_own_weights() -> None:
    """ECA has kernels of equal size everywhere, so equal streams would show."""
    modules = {
        **networks.attention_modules(build("eca")),
        **networks.attention_modules(build("eca", site="before_pool")),
    }
    kernels = [module.state_dict()["conv.weight"] for module in modules.values()]
    assert len({tuple(kernel.flatten().tolist()) for kernel in kernels}) == len(kernels) == 6


@pytest.mark.parametrize("module", ["none", "cbam"])
def test_the_global_generator_is_neither_used_nor_changed(module: str) -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = build(module)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    assert same(first.state_dict(), build(module).state_dict())


@pytest.mark.parametrize("backbone", ["resnet", "resnet_cifar", "mobilenet_v2"])
@pytest.mark.parametrize("site", ["standard", "pre", "post", "inner", "between"])
def test_a_start_from_the_identity_gives_the_logits_of_the_baseline(backbone: str, site: str) -> None:
    expected = build(name=backbone).eval()(images())
    assert not torch.equal(build("se", backbone, site=site).eval()(images()), expected)
    assert torch.equal(build("se", backbone, site=site, start="identity").eval()(images()), expected)


def test_stages_by_word_and_by_number() -> None:
    numbers = [1, 2, 3, 4]
    assert select("all", numbers) == {1, 2, 3, 4}
    assert select("first", numbers) == {1}
    assert select("last", numbers) == {4}
    assert select([2, 4], numbers) == {2, 4}


@pytest.mark.parametrize(
    ("module", "backbone"), [*((name, "cnn") for name in attention.names()), *(("eca", name) for name in BACKBONES)]
)
def test_a_network_with_attention_learns(module: str, backbone: str) -> None:
    """A few steps on one batch lower the loss."""
    network = build(module, backbone, backbone={"width": 8, "hidden": 64} if backbone == "cnn" else {})
    x, labels = images(n=16), torch.arange(16) % 10
    optimizer = torch.optim.Adam(network.parameters(), lr=5e-3)
    losses = []
    torch.manual_seed(0)
    for _ in range(8):
        loss = nn.functional.cross_entropy(network(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
