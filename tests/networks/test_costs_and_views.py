"""Costs and views of every backbone; names of slots have dots."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from networks.reference import attention, parameters
from torch.utils.flop_counter import FlopCounterMode

from attnbench import cost, networks, views
from attnbench.networks import Network
from attnbench.networks.grad_cam import grad_cam
from attnbench.records import views as store
from attnbench.records.prepared import Description, Prepared
from attnbench.report.figures import maps
from attnbench.study import attention as modules
from attnbench.study import backbones

SHAPE = (3, 32, 32)
NETWORKS: dict[str, tuple[str, dict[str, Any]]] = {
    "resnet": ("resnet", {"width": 8}),
    "bottlenecks": ("resnet", {"depth": 50, "width": 4, "stride_in": "1x1", "stem": "cifar"}),
    "resnet_cifar": ("resnet_cifar", {"width": 8}),
    "projected": ("resnet_cifar", {"width": 8, "shortcut": "projection"}),
    "mobilenet_v2": ("mobilenet_v2", {"width": 0.25, "stem": "cifar"}),
}


def build(kind: str, module: str = "none", site: str = "standard", stages: tuple[int, ...] = (2, 3)) -> Network:
    """The network with a module in the first block of some stages."""
    name, options = NETWORKS[kind]
    torch.manual_seed(0)
    network = networks.build_backbone(name, 3, SHAPE, options)
    for slot in network.slots().values():
        if module != "none" and slot.site == site and slot.block == 1 and slot.stage in stages:
            slot.fill(attention(module, slot.channels, slot.size))
    return network.eval()


def macs(network: Network) -> int:
    with FlopCounterMode(display=False) as counter:
        network(torch.zeros(1, *SHAPE))
    return counter.get_total_flops() // 2


@cache
def plain(kind: str) -> tuple[int, int]:
    """Parameters and multiply-adds without attention."""
    network = build(kind)
    return parameters(network), macs(network)


@pytest.mark.parametrize(
    ("kind", "module", "site"),
    [
        *((kind, "none", "standard") for kind in NETWORKS),
        *((kind, "cbam", "inner") for kind in ("bottlenecks", "mobilenet_v2")),
        *(
            ("resnet_cifar", module, backbones.sites("resnet_cifar")[turn % 7])
            for turn, module in enumerate(modules.names())
            if turn % 4 == 0  # one module at each site; test_attention_costs.py counts all of them
        ),
    ],
)
def test_multiply_adds_are_half_of_what_torch_counts(kind: str, module: str, site: str) -> None:
    network = build(kind, module, site)
    counts = cost.count(network, SHAPE)
    assert counts.macs == macs(network)
    own = {
        name: parameters(slot.module)
        for name, slot in network.slots().items()
        if module != "none" and slot.site == site and slot.block == 1 and slot.stage in (2, 3)
    }
    assert counts.attention_modules == own
    assert counts.attention_parameters == sum(own.values())
    assert (counts.parameters, counts.macs) == (
        plain(kind)[0] + counts.attention_parameters,
        plain(kind)[1] + counts.attention_macs,
    )


def data() -> Prepared:
    stream = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (4, *SHAPE), generator=stream, dtype=torch.uint8)
    return Prepared(
        description=Description("Noise", "Drawn in the test.", ("a", "b", "c"), 0, (0.5, 0.5, 0.5), (0.2, 0.3, 0.4)),
        train_images=images,
        train_labels=torch.tensor([0, 1, 2, 0]),
        test_images=images,
        test_labels=torch.tensor([2, 0, 1, 1]),
        train_index=torch.tensor([0, 1, 2]),
        validation_index=torch.tensor([3]),
    )


@pytest.mark.parametrize("kind", ["resnet", "resnet_cifar", "mobilenet_v2"])
def test_views_of_a_network_survive_a_file(kind: str, tmp_path: Path) -> None:
    network = build(kind, "cbam")
    collected = views.compute(network, data(), count=2, variant="cbam", seed=0)
    assert list(collected.blocks) == list(network.views())
    filled = list(networks.attention_modules(network))
    assert list(collected.gates) == filled
    assert len(filled) == sum("." in name for name in filled) == 2
    store.save(tmp_path / "views", collected)
    again = store.load(tmp_path / "views", variant="cbam", seed=0, classes=data().description.classes)
    assert list(again.blocks) == list(collected.blocks)
    assert list(again.gates) == filled
    for name, block in collected.blocks.items():
        assert np.isfinite(block.grad_cam).all()
        assert np.array_equal(again.blocks[name].grad_cam, block.grad_cam)
    for name, gate in collected.gates.items():
        assert np.array_equal(again.gates[name].channel, gate.channel)
        assert np.array_equal(again.gates[name].spatial, gate.spatial)


def test_figures_name_slots_with_dots() -> None:
    network = build("resnet_cifar", "cbam")
    collected = views.compute(network, data(), count=1, variant="cbam", seed=0)
    spatial = maps.spatial_gates({"cbam": collected})
    assert isinstance(spatial, Figure)
    headings = {text.get_text().partition("\n")[0] for text in spatial.axes[0].texts}
    assert {"layer2.0", "layer3.0"} <= headings
    sizes = {f"layer{stage} ({side} \N{MULTIPLICATION SIGN} {side})" for stage, side in ((1, 32), (2, 16), (3, 8))}
    assert sizes <= {text.get_text().partition("\n")[0] for text in maps.feature_maps(collected).axes[0].texts}


@pytest.mark.parametrize("kind", ["resnet", "bottlenecks", "resnet_cifar", "mobilenet_v2"])
def test_grad_cam_is_the_gradient_at_the_output_of_the_stage(kind: str) -> None:
    """By hand: the network runs again with the output of the stage replaced by a leaf."""
    network = build(kind, "se", "post")
    x = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(2))
    classes = torch.tensor([2, 0])
    for name, layer in network.views().items():
        seen: list[torch.Tensor] = []

        def replace(module: torch.nn.Module, args: Any, output: torch.Tensor, seen: Any = seen) -> torch.Tensor:
            seen.append(output.detach().requires_grad_())
            return seen[-1]

        handle = layer.register_forward_hook(replace)
        logits = network(x)
        handle.remove()
        (gradient,) = torch.autograd.grad(logits.gather(1, classes[:, None]).sum(), seen)
        expected = (gradient.mean((2, 3), keepdim=True) * seen[0]).sum(1).clamp(min=0)
        cam = grad_cam(network, {name: layer}, x, classes)[name]
        torch.testing.assert_close(cam, expected.detach(), msg=lambda text, name=name: f"{name}: {text}")
