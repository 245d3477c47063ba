"""Modules by name, and after layers of a user's network."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import VisionTransformer, resnet50

import attnbench
from attnbench import networks
from attnbench.errors import UserError

SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def resnet() -> nn.Module:
    return resnet50().eval()


@pytest.fixture
def network() -> nn.Module:
    layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU())
    return nn.Sequential(layers, nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).eval()


def test_a_module_is_that_of_a_study() -> None:
    torch.manual_seed(0)
    module = attnbench.attention("cbam", channels=64, reduction=8)
    torch.manual_seed(0)
    expected = networks.build_attention("cbam", 64, (7, 7), {"reduction": 8}).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in module.state_dict().items())
    x = torch.rand(2, 64, 5, 6)
    assert module(x).shape == x.shape
    assert attnbench.attention("psanet", 16, size=(5, 6))(x[:, :16]).shape == (2, 16, 5, 6)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("see", {}, r"no attention module 'see'.*did you mean 'se'"),
        ("none", {}, r"is the network without attention; allowed: 'bam'"),
        ("se", {"reductoin": 8}, r"reductoin: se has no such option.*did you mean 'reduction'"),
        ("se", {"reduction": 0}, r"reduction: .*at least 1"),
        ("cbam", {"norm": False, "momentum": 0.1}, r"momentum: .*no effect with `norm: false`"),
        ("psanet", {}, r"add `size=\(height, width\)`"),
        ("se", {"channels": 0}, r"channels: given 0; must be an integer, at least 1"),
        ("nobody.gates", {}, r"no package 'nobody'"),
    ],
)
def test_a_module_is_checked_as_in_a_params_yaml(name: str, values: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        attnbench.attention(name, **{"channels": 16} | values)


def test_modules_go_behind_every_block_of_a_stage(resnet: nn.Module) -> None:
    network = copy.deepcopy(resnet)
    modules = attnbench.insert(network, "layer3.*", "constant", value=0.5, image_shape=SHAPE)
    assert list(modules) == [f"layer3.{block}" for block in range(6)]
    outputs: dict[str, Tensor] = {}
    for name, module in modules.items():
        module.register_forward_hook(lambda _, inputs, output, name=name: outputs.update({name: (*inputs, output)}))
    logits = network(torch.rand(2, *SHAPE))
    assert logits.shape == (2, 1000)
    for x, y in outputs.values():
        assert x.shape == (2, 1024, 2, 2)
        assert torch.equal(y, 0.5 * x)
    assert len(outputs) == 6
    assert not any(module.training for module in network.modules())


def test_a_list_of_layers_at_their_own_widths(resnet: nn.Module) -> None:
    network = copy.deepcopy(resnet).train()
    statistics = network.bn1.running_mean.clone()
    layers = ["layer4.0.bn3", "layer1", "layer1.*.bn3"]
    modules = attnbench.insert(network, layers, "se", image_shape=SHAPE)
    widths = {name: module.excitation[2].out_features for name, module in modules.items()}
    assert widths == {"layer1": 256, **{f"layer1.{i}.bn3": 256 for i in range(3)}, "layer4.0.bn3": 2048}
    assert torch.equal(network.bn1.running_mean, statistics)
    assert all(module.training for module in network.modules())
    network(torch.rand(2, *SHAPE)).sum().backward()
    assert all(module.excitation[0].weight.grad.any() for module in modules.values())


def test_type_and_size_are_those_of_the_maps(network: nn.Module) -> None:
    network.double()
    [module] = attnbench.insert(network, "1", "psanet", image_shape=(2, 9, 12)).values()
    assert {parameter.dtype for parameter in module.parameters()} == {torch.float64}
    assert network(torch.rand(1, 2, 9, 12, dtype=torch.float64)).shape == (1, 3)
    with pytest.raises(ValueError, match="7"):
        network(torch.rand(1, 2, 5, 5, dtype=torch.float64))


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ("5", r"no layer '5'; it has '0', '1', '2', '3', '4'$"),
        ("0.7.x", r"no layer '0\.7\.x'.*; 0 has '0', '1'$"),
        (["1", "2.x"], r"no layer '2\.x'.*; 2 has no layers$"),
        ([], r"no layer is named"),
        (["1", "4"], r"'4' returns \(1, 3\) for one image; name one that returns maps \(n, c, h, w\)"),
    ],
    ids=str,
)
def test_a_layer_without_maps_is_refused_and_nothing_changes(
    network: nn.Module, layers: str | list[str], message: str
) -> None:
    before = str(network)
    with pytest.raises(UserError, match=message):
        attnbench.insert(network, layers, "se")
    assert str(network) == before
    assert not any(module._forward_hooks for module in network.modules())


def test_a_misspelt_pattern_is_answered_with_a_pattern(resnet: nn.Module) -> None:
    with pytest.raises(UserError, match=r"no layer 'layr3\.\*' \(did you mean 'layer3\.\*'\?\)"):
        attnbench.insert(resnet, "layr3.*", "se", image_shape=SHAPE)


def test_a_layer_that_runs_several_times_is_refused(resnet: nn.Module) -> None:
    with pytest.raises(UserError, match=r"'layer1\.0\.relu' runs 3 times"):
        attnbench.insert(resnet, "layer1.0.relu", "se", image_shape=SHAPE)


class Joined(nn.Module):
    def forward(self, x: Tensor, *, skip: Tensor) -> Tensor:
        return x + skip


class Skipping(nn.Module):
    """A network whose layers `join` and `last` are held or used in ways of their own."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 4, 3)
        self.join = Joined()
        self.last = nn.Conv2d(4, 3, 1)
        self.again = self.last

    def forward(self, x: Tensor) -> Tensor:
        x = self.first(x)
        return self.again(self.join(x, skip=x)).sum((2, 3)) + self.first.out_channels


def test_a_layer_may_have_further_inputs() -> None:
    network, x = Skipping(), torch.rand(1, *SHAPE)[:, :2]
    attnbench.insert(network, "join", "constant", value=0.5)
    assert torch.equal(network(x), network.last(network.first(x)).sum((2, 3)) + 4)


class Counting(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        assert len(self.blocks) == 3
        return self.blocks(x)


def test_a_network_that_fails_with_the_modules_stays_as_it_was() -> None:
    network = Counting()
    before = str(network)
    with pytest.raises(UserError, match="Counting does not compute with modules after 'blocks'"):
        attnbench.insert(network, "blocks", "se", image_shape=SHAPE)
    assert str(network) == before


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["first", "last"], r"Skipping does not compute with modules after 'first', 'last': .*out_channels"),
        (["join", "last"], r"after 'join', 'last': layer 'last' is never called .*It may hold such a layer under a"),
    ],
    ids=str,
)
def test_a_network_that_computes_without_the_module_is_refused(layers: list[str], message: str) -> None:
    network = Skipping()
    before = str(network)
    with pytest.raises(UserError, match=message):
        attnbench.insert(network, layers, "constant", value=0.5)
    assert str(network) == before


def test_the_network_must_take_the_image(network: nn.Module) -> None:
    with pytest.raises(UserError, match=r"does not take an image \(1, 5, 8, 8\): .*; add `image_shape="):
        attnbench.insert(network, "1", "se", image_shape=(5, 8, 8))
    small = VisionTransformer(image_size=32, patch_size=16, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)
    with pytest.raises(UserError, match=r"does not take an image \(1, 3, 224, 224\): Wrong image height! .*; add"):
        attnbench.insert(small, "conv_proj", "se")
    with pytest.raises(UserError, match="has no Conv2d"):
        attnbench.insert(nn.Sequential(nn.Flatten()), "0", "se")
