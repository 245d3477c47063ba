"""Counts of whole networks."""

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from attnbench import cost, networks
from attnbench.errors import UserError
from attnbench.tools.contract.one_slot import OneSlot

SHAPE = (3, 32, 32)


@pytest.fixture(scope="module")
def counts(cnns):
    return {name: cost.count(network, SHAPE) for name, network in cnns.items()}


def test_the_baseline_by_hand(counts):
    maps = 32 * 32 * 32 + 64 * 16 * 16 + 128 * 8 * 8
    baseline = counts["baseline"]
    assert baseline.parameters == 1_147_914
    assert baseline.macs == (
        32 * 3 * 9 * 32 * 32 + 64 * 32 * 9 * 16 * 16 + 128 * 64 * 9 * 8 * 8 + 2048 * 512 + 512 * 10
    )
    assert baseline.pooling_operations == maps  # the three max pools
    assert baseline.elementwise_operations == 2 * maps + 512  # norm and ReLU of each block, ReLU of the head
    assert (baseline.attention_parameters, baseline.attention_macs, baseline.attention_modules) == (0, 0, {})


@pytest.mark.parametrize("name", ["baseline", "se", "eca", "cbam"])
def test_multiply_adds_are_half_of_torchs_own_flops(name, cnns, counts):
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        cnns[name](torch.zeros(1, *SHAPE))
    assert 2 * counts[name].macs == counter.get_total_flops()


def test_squeeze_and_excitation_by_hand(counts):
    maps = 32 * 32 * 32 + 64 * 16 * 16 + 128 * 8 * 8
    bottlenecks = {32: 2, 64: 4, 128: 8}
    se, baseline = counts["se"], counts["baseline"]
    assert se.attention_macs == se.macs - baseline.macs == sum(2 * c * d for c, d in bottlenecks.items())
    assert se.pooling_operations - baseline.pooling_operations == maps
    gates = sum(c + d + c for c, d in bottlenecks.items())  # quotient of the mean, ReLU, sigmoid
    assert se.elementwise_operations - baseline.elementwise_operations == maps + gates


@pytest.mark.parametrize("name", ["se", "eca", "cbam"])
def test_attention_is_counted_per_slot(name, counts):
    site = "after_pool" if name == "cbam" else "before_pool"
    modules = {
        f"block{stage}.{site}": networks.build_attention(name, 2 ** (stage + 4), (32, 32)) for stage in (1, 2, 3)
    }
    variant = counts[name]
    assert variant.attention_modules == {
        slot: sum(parameter.numel() for parameter in module.parameters()) for slot, module in modules.items()
    }
    assert variant.attention_parameters == sum(variant.attention_modules.values()) == variant.parameters - 1_147_914
    assert variant.attention_macs == variant.macs - counts["baseline"].macs > 0


def test_counts_do_not_depend_on_the_mode_and_leave_no_trace(cnns, counts):
    network = cnns["cbam"].train()
    network.block1.norm.eval()
    modes = [module.training for module in network.modules()]
    state = {name: value.clone() for name, value in network.state_dict().items()}
    before = torch.get_rng_state()
    try:
        assert cost.count(network, SHAPE) == counts["cbam"]
        assert [module.training for module in network.modules()] == modes
        assert torch.equal(torch.get_rng_state(), before)
        assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items())
        assert not any(module._forward_hooks or module._forward_pre_hooks for module in network.modules())
    finally:
        network.train()


def test_counting_works_inside_inference_mode(cnns, counts):
    with torch.inference_mode():
        assert cost.count(cnns["se"], SHAPE) == counts["se"]


def test_a_frozen_parameter_counts(network_of):
    network = network_of(lambda m, x: m.fc(x.mean((2, 3))), fc=nn.Linear(3, 2))
    network.body.fc.bias.requires_grad_(False)
    assert cost.count(network, SHAPE).parameters == 8


class ForwardOnly(OneSlot):
    def forward(self, x):
        return self.body.forward(x)


def test_a_module_that_is_not_called_as_a_module_is_an_error():
    network = ForwardOnly(nn.Conv2d(3, 3, 1))
    with pytest.raises(UserError, match=r"Conv2d in slot stage1\.body was never called.*call `self\.body\(x\)`"):
        cost.count(network, SHAPE)


def test_an_uncounted_operator_is_named_with_the_innermost_module(network_of):
    class Inner(nn.Module):
        def forward(self, x):
            return x.sort(1)[0]

    network = network_of(lambda m, x: m.part(x).relu(), part=nn.Sequential(Inner()))
    with pytest.raises(UserError, match=r"no counting rule for aten::sort in body\.part\.0\. "):
        cost.count(network, SHAPE)
