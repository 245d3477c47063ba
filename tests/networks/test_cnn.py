"""The plain CNN: against the sources' own layer list on copied weights, its parameters, slots and views."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from attnbench.networks.slots import Network
from attnbench.study import attention, backbones

SHAPE = (3, 32, 32)
NETWORKS = json.loads((Path(__file__).parents[1] / "oracles" / "parameters.json").read_text(encoding="utf-8"))[
    "networks"
]


def cnn(seed: int = 0, shape: tuple[int, int, int] = SHAPE, **options: float) -> Network:
    torch.manual_seed(seed)
    network: Network = backbones.load("cnn").build(10, shape, **options)
    return network


def images(n: int = 4, shape: tuple[int, int, int] = SHAPE) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(0))


def fill(network: Network, name: str, site: str, **options: object) -> Network:
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(attention.build(name, slot.channels, slot.size, options))
    return network


def parameters(network: nn.Module) -> int:
    assert all(parameter.requires_grad for parameter in network.parameters())
    return sum(parameter.numel() for parameter in network.parameters())


def as_printed() -> nn.Sequential:
    """The tutorials' network, layer after layer."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(2048, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*layers, *head)


def test_parameters_are_those_of_the_sources() -> None:
    assert parameters(cnn()) == NETWORKS["cnn"] == parameters(as_printed())


@pytest.mark.parametrize("site", backbones.sites("cnn"))
@pytest.mark.parametrize(
    ("row", "name", "options"),
    [
        ("cnn with tutorial cbam", "cbam", {"bias": False, "norm": False}),
        ("cnn with se", "se", {}),
        ("cnn with cam", "cam", {}),
        ("cnn with eca", "eca", {"kernel_size": "adaptive"}),
    ],
)
def test_parameters_with_attention(row: str, name: str, options: dict[str, Any], site: str) -> None:
    assert parameters(fill(cnn(), name, site, **options)) == NETWORKS[row]


@pytest.mark.parametrize("name", attention.names())
def test_attention_adds_exactly_its_own_parameters(name: str) -> None:
    slots = [slot for slot in cnn().slots().values() if slot.site == "after_pool"]
    added = sum(attention.parameter_count(name, slot.channels, slot.size, {}) for slot in slots)
    assert parameters(fill(cnn(), name, "after_pool")) == NETWORKS["cnn"] + added


@pytest.mark.parametrize("training", [True, False])
def test_computes_what_the_sources_compute(training: bool) -> None:
    ours, theirs = cnn(dropout=0.0), as_printed()
    theirs[-2] = nn.Dropout(0.0)
    with torch.no_grad():
        for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
            other.copy_(mine)
    x = images()
    weight = torch.randn(4, 10, generator=torch.Generator().manual_seed(1))
    ours.train(training)
    theirs.train(training)
    assert torch.equal(ours(x), theirs(x))
    gradients = [torch.autograd.grad((net(x) * weight).sum(), list(net.parameters())) for net in (ours, theirs)]
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_keeps_torchs_default_initialisation() -> None:
    torch.manual_seed(3)
    theirs = as_printed()
    for mine, other in zip(cnn(seed=3).parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_dropout_acts_in_training_only() -> None:
    network = cnn()
    rates = [module.p for module in network.modules() if isinstance(module, nn.Dropout)]
    assert rates == [0.5]
    assert not torch.equal(network.train()(images()), network(images()))
    assert torch.equal(network.eval()(images()), network(images()))


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 64, 40), (3, 8, 8)])
def test_other_image_shapes(shape: tuple[int, int, int]) -> None:
    assert cnn(shape=shape)(images(2, shape)).shape == (2, 10)


def test_options_change_widths_and_dropout() -> None:
    network = cnn(width=8, hidden=16, dropout=0.25)
    assert [slot.channels for slot in network.slots().values()] == [8, 8, 16, 16, 32, 32]
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.25]
    assert [module.out_features for module in network.modules() if isinstance(module, nn.Linear)] == [16, 10]


def test_slots_in_the_order_of_the_data_with_the_right_shapes() -> None:
    network = cnn().eval()
    seen: list[tuple[str, tuple[int, ...]]] = []
    for name, module in network.slots().items():
        assert isinstance(module, nn.Identity)
        module.register_forward_hook(
            lambda module, inputs, output, name=name: seen.append((name, tuple(output.shape[1:])))
        )
    network(images())
    assert seen == [
        ("block1.before_pool", (32, 32, 32)),
        ("block1.after_pool", (32, 16, 16)),
        ("block2.before_pool", (64, 16, 16)),
        ("block2.after_pool", (64, 8, 8)),
        ("block3.before_pool", (128, 8, 8)),
        ("block3.after_pool", (128, 4, 4)),
    ]
    assert [name for name, _ in seen] == list(network.slots()) == list(network.slots())
    assert [slot.channels for slot in network.slots().values()] == [shape[0] for _, shape in seen]


def test_slots_say_stage_and_site_as_the_family_file_does() -> None:
    places = cnn().slots().values()
    assert {slot.stage for slot in places} == set(range(1, len(backbones.blocks("cnn", {})) + 1))
    assert {slot.site for slot in places} == set(backbones.sites("cnn"))
    assert len(places) == len(backbones.blocks("cnn", {})) * len(backbones.sites("cnn"))


def test_a_filled_slot_is_used_and_no_other() -> None:
    x = images()
    for name in cnn().slots():
        network = cnn().eval()
        module = attention.load("se").build(network.slots()[name].channels)
        network.slots()[name].fill(module)
        assert network.slots()[name] is module
        assert [key for key, found in network.slots().items() if not isinstance(found, nn.Identity)] == [name]
        calls: list[str] = []
        module.register_forward_hook(lambda module, inputs, output, calls=calls: calls.append("called"))
        assert not torch.equal(network(x), cnn().eval()(x))
        assert calls == ["called"]


@pytest.mark.parametrize("site", backbones.sites("cnn"))
def test_views_show_the_activation_before_the_pool_and_behind_its_attention(site: str) -> None:
    network = fill(cnn(), "se", site).eval()
    seen: dict[str, Tensor] = {}
    for name, module in network.views().items():
        module.register_forward_hook(lambda module, inputs, output, name=name: seen.update({name: output}))
    x = images()
    network(x)
    assert list(seen) == ["block1", "block2", "block3"]
    assert [tuple(found.shape[1:]) for found in seen.values()] == [(32, 32, 32), (64, 16, 16), (128, 8, 8)]
    first = next(module for module in network.modules() if isinstance(module, nn.Conv2d))
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    expected = norm(first(x)).relu()
    if site == "before_pool":
        expected = network.slots()["block1.before_pool"](expected)
    torch.testing.assert_close(seen["block1"], expected)


def test_a_view_keeps_what_it_showed() -> None:
    """No layer behind a view works in place."""
    network = cnn().eval()
    seen: list[tuple[Tensor, Tensor]] = []
    for module in network.views().values():
        module.register_forward_hook(lambda module, inputs, output: seen.append((output, output.clone())))
    network(images())
    assert all(torch.equal(output, copy) for output, copy in seen)
