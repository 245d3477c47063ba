"""The plain CNN against the layer list of its sources, and its parameters with attention."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from networks.reference import Shape, attention, copy_state, images, parameters
from torch import nn

from attnbench import networks
from attnbench.networks import Network
from attnbench.study import backbones

PUBLISHED = json.loads((Path(__file__).parents[1] / "oracles" / "parameters.json").read_text(encoding="utf-8"))[
    "networks"
]


def cnn(shape: Shape = (3, 32, 32), **options: Any) -> Network:
    return networks.build_backbone("cnn", 10, shape, options)


def as_printed() -> nn.Sequential:
    """The network of the tutorials, layer by layer."""
    layers: list[nn.Module] = []
    for before, after in ((3, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(), nn.MaxPool2d(2)]
    head = [nn.Flatten(), nn.Linear(2048, 512), nn.ReLU(), nn.Dropout(0.5), nn.Linear(512, 10)]
    return nn.Sequential(*layers, *head)


def test_parameters_are_those_of_the_sources() -> None:
    assert parameters(cnn()) == PUBLISHED["cnn"] == parameters(as_printed())


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
    network = cnn()
    for slot in network.slots().values():
        if slot.site == site:
            slot.fill(attention(name, slot.channels, slot.size, **options))
    assert parameters(network) == PUBLISHED[row]


@pytest.mark.parametrize("training", [True, False])
def test_it_computes_what_the_sources_compute(training: bool) -> None:
    ours, theirs = cnn(dropout=0.0).train(training), as_printed().train(training)
    theirs[-2] = nn.Dropout(0.0)
    copy_state(ours, theirs)
    assert torch.equal(ours(images()), theirs(images()))
    weight = torch.randn(2, 10, generator=torch.Generator().manual_seed(1))
    gradients = [torch.autograd.grad((net(images()) * weight).sum(), list(net.parameters())) for net in (ours, theirs)]
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-5, atol=1e-6)


def test_it_keeps_torchs_default_initialisation() -> None:
    torch.manual_seed(3)
    theirs = as_printed()
    torch.manual_seed(3)
    for mine, other in zip(cnn().parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, other)


def test_dropout_acts_in_training_only() -> None:
    network = cnn()
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.5]
    assert not torch.equal(network.train()(images()), network(images()))
    assert torch.equal(network.eval()(images()), network(images()))


def test_options_change_widths_and_dropout() -> None:
    network = cnn(width=8, hidden=16, dropout=0.25)
    assert [slot.channels for slot in network.slots().values()] == [8, 8, 16, 16, 32, 32]
    assert [module.p for module in network.modules() if isinstance(module, nn.Dropout)] == [0.25]
    assert [module.out_features for module in network.modules() if isinstance(module, nn.Linear)] == [16, 10]


@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (4, 64, 40), (3, 8, 8)])
def test_any_image_of_at_least_eight_pixels(shape: Shape) -> None:
    assert cnn(shape)(images(shape)).shape == (2, 10)


def test_slots_surround_the_pools() -> None:
    assert [(name, slot.channels, slot.size) for name, slot in cnn().slots().items()] == [
        ("block1.before_pool", 32, (32, 32)),
        ("block1.after_pool", 32, (16, 16)),
        ("block2.before_pool", 64, (16, 16)),
        ("block2.after_pool", 64, (8, 8)),
        ("block3.before_pool", 128, (8, 8)),
        ("block3.after_pool", 128, (4, 4)),
    ]


@pytest.mark.parametrize("site", backbones.sites("cnn"))
def test_views_show_the_activation_before_the_pool(site: str) -> None:
    """After the attention there, if there is any."""
    network = cnn().eval()
    slot = network.slots()[f"block1.{site}"]
    slot.fill(attention("se", 32))
    seen = []
    network.views()["block1"].register_forward_hook(lambda module, args, output: seen.append(output))
    network(images())
    block = network.get_submodule("block1")
    expected = block.norm(block.conv(images())).relu()
    torch.testing.assert_close(seen[0], slot.module(expected) if site == "before_pool" else expected)
