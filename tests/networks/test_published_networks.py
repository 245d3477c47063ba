"""Whole networks against published counts of parameters and operations, on the meta device: nothing is computed."""

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from networks.reference import attention
from networks.reference import parameters as count
from torch import Tensor, nn
from torchvision import models

from attnbench import cost, networks
from attnbench.networks import Network, Slot

ORACLES = json.loads((Path(__file__).parents[1] / "oracles" / "networks.json").read_text(encoding="utf-8"))
POOLS = {"se": 1, "cbam": 2}  # over positions, in one module, each a layer in the published counts


def rows(section: str) -> list[Any]:
    return [
        pytest.param(group, *row, id=f"{group['network']} {row[0]} {row[1]} {row[2]}")
        for group in ORACLES[section]
        for row in group["rows"]
    ]


def image(network: str, options: dict[str, Any]) -> tuple[int, tuple[int, int, int]]:
    """Classes and shape of the images that the published figures are for."""
    small = network == "resnet_cifar" or options.get("stem") == "cifar"
    return (10, (3, 32, 32)) if small else (1000, (3, 224, 224))


@cache
def built(network: str, options: str) -> Network:
    """One network of each kind, because building the deep ones takes most of the time; options as JSON."""
    with torch.device("meta"):
        return networks.build_backbone(network, *image(network, json.loads(options)), json.loads(options)).eval()


def empty(network: str, options: dict[str, Any]) -> Network:
    whole = built(network, json.dumps(options))
    for slot in whole.slots().values():
        slot.fill(nn.Identity())
    return whole


def fill(network: Network, module: str, options: dict[str, Any], site: str, stages: list[int] | None = None) -> Network:
    for slot in network.slots().values():
        if module != "none" and slot.site == site and slot.stage in (stages or [slot.stage]):
            with torch.device("meta"):
                slot.fill(attention(module, slot.channels, slot.size, **options))
    return network.eval()


@cache
def parameters(network: str, options: str, module: str, own: str, site: str, stages: tuple[int, ...] = ()) -> int:
    """Parameters of a whole network with modules in all stages, unless some are named; options as JSON."""
    return count(fill(empty(network, json.loads(options)), module, json.loads(own), site, list(stages)))


@pytest.mark.parametrize(("group", "options", "module", "own", "expected"), rows("parameters"))
def test_parameters(group: Any, options: Any, module: str, own: Any, expected: int) -> None:
    assert parameters(group["network"], json.dumps(options), module, json.dumps(own), group["site"]) == expected


@pytest.mark.parametrize(("depth", "kernels", "expected"), ORACLES["eca kernels by stage"]["rows"])
def test_parameters_of_eca_with_a_kernel_for_each_stage(depth: int, kernels: list[int], expected: int) -> None:
    network = empty("resnet", {"depth": depth})
    without = count(network)
    for stage, kernel in enumerate(kernels, start=1):
        fill(network, "eca", {"kernel_size": kernel}, "standard", [stage])
    assert count(network) - without == expected


def matches(figure: float, published: str) -> bool:
    """Whether a figure rounds to a published one; half a unit of the last digit is allowed either way."""
    digits = len(published.partition(".")[2])
    return abs(figure - float(published)) <= 0.5 * 10**-digits + 1e-12


@pytest.mark.parametrize(("group", "options", "module", "own", "published"), rows("rounded parameters"))
def test_rounded_parameters(group: Any, options: Any, module: str, own: Any, published: str) -> None:
    stages = tuple(group.get("stages", ()))
    total = parameters(group["network"], json.dumps(options), module, json.dumps(own), group["site"], stages)
    assert matches(total / group["unit"], published)


@pytest.mark.parametrize(("position", "options", "published"), ORACLES["ablations of SE"]["rows"])
def test_parameters_of_ablations(position: Any, options: Any, published: str) -> None:
    network = empty("resnet", {"depth": 50})
    fill(network, "se", {"bias": False, **options}, position.get("site", "standard"), position.get("stages"))
    excess = float(published) - count(network) / ORACLES["ablations of SE"]["unit"]
    assert -0.05 <= excess <= ORACLES["ablations of SE"]["above"]


@pytest.mark.parametrize(
    ("weights", "network", "options"),
    [
        *((f"ResNet{depth}_Weights", "resnet", {"depth": depth}) for depth in (18, 34, 50, 101, 152)),
        ("MobileNet_V2_Weights", "mobilenet_v2", {}),
    ],
)
def test_parameters_and_operations_are_those_torchvision_prints(weights: str, network: str, options: Any) -> None:
    meta = getattr(models, weights).IMAGENET1K_V1.meta
    plain = (network, json.dumps(options), "none", "{}", "standard")
    assert parameters(*plain) == meta["num_params"]
    assert matches(elements(*plain)["macs"] / 1e9, f"{meta['_ops']:.3f}")


@cache
def elements(network: str, options: str, module: str, own: str, site: str) -> Counter[str]:
    """The number of multiply-adds, and of the elements that other operations process; options as JSON."""
    shape = image(network, json.loads(options))[1]
    filled = fill(empty(network, json.loads(options)), module, json.loads(own), site)
    counted = Counter[str]()

    def add(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        match layer:
            case nn.BatchNorm2d():
                counted["norm"] += output.numel()
            case nn.ReLU():
                counted["relu"] += output.numel()
            case nn.MaxPool2d():
                counted["max pool elements"] += inputs[0].numel()
                counted["max pool windows"] += 9 * output.numel()
            case nn.Conv2d():
                unbiased = layer.bias is None
                counted["planes"] += layer.in_channels * layer.out_channels if unbiased else 0
                counted["biases"] += 0 if unbiased else output.numel()
        if isinstance(layer, nn.Conv2d | nn.Linear):
            counted["macs"] += output.numel() * layer.weight[0].numel()

    hooks = []
    for layer in filled.modules():
        hooks.append(layer.register_forward_hook(add))
        if isinstance(layer, nn.BatchNorm2d | nn.ReLU):
            layer.forward = nn.Identity().forward  # they keep the shape, and take most of the time on the meta device
    filled(torch.empty(1, *shape, device="meta"))
    for hook in hooks:
        hook.remove()
    everywhere = list(filled.slots().values())
    slots = [slot for slot in everywhere if slot.site == site and module != "none"]
    counted["head"] = volume(everywhere[-1])
    counted["squeezed"] = POOLS.get(module, 0) * sum(volume(slot) for slot in slots)
    counted["gates"] = sum(volume(slot) if module == "bam" else slot.channels for slot in slots)
    return counted


def volume(slot: Slot) -> int:
    return slot.channels * slot.size[0] * slot.size[1]


@pytest.mark.parametrize(("group", "options", "module", "own", "published"), rows("operations"))
def test_operations(group: Any, options: Any, module: str, own: Any, published: str) -> None:
    counted = elements(group["network"], json.dumps(options), module, json.dumps(own), group["site"])
    total = sum(weight * counted[name] for name, weight in group["weights"].items())
    assert matches(total / group["unit"], published)


def test_the_cost_of_a_whole_image() -> None:
    """The counter of operators, whose figures the reports print, agrees with the counts of layers above."""
    network = networks.build_backbone("resnet", 1000, (3, 224, 224))
    assert cost.count(network, (3, 224, 224)).macs == 1_814_073_344
    assert elements("resnet", '{"depth": 18}', "none", "{}", "standard")["macs"] == 1_814_073_344
