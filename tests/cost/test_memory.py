"""Activation memory against what each operator is known to keep."""

import torch
from torch import nn

from attnbench.cost.memory import activation_bytes

FLOAT, INDEX = 4, 8  # bytes
SHAPE = (3, 8, 8)


def test_a_linear_chain_keeps_the_inputs_of_its_layers_but_not_the_image():
    network = nn.Sequential(nn.Flatten(), nn.Linear(192, 10), nn.ReLU(), nn.Linear(10, 5))
    assert activation_bytes(network, SHAPE) == 10 * FLOAT  # the ReLU keeps its output, which is the next layer's input


def test_a_block_keeps_each_map_once_and_the_pools_indices():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2))
    norm_input = relu_output = 4 * 64 * FLOAT
    assert activation_bytes(network, SHAPE) == norm_input + relu_output + 4 * 16 * INDEX


def test_a_gate_keeps_both_factors():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, padding=1)

        def forward(self, x):
            x = self.conv(x)
            return x * x.mean((2, 3), keepdim=True).sigmoid()

    assert activation_bytes(Gated(), SHAPE) == 4 * 64 * FLOAT + 4 * FLOAT


def test_a_norm_over_single_values_can_be_measured():
    network = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6))
    assert activation_bytes(network, SHAPE) == (3 + 6) * FLOAT


def test_it_is_deterministic_and_leaves_no_trace():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten()).eval()
    before, mean = torch.get_rng_state(), network[1].running_mean.clone()
    assert activation_bytes(network, SHAPE) == activation_bytes(network, SHAPE) > 0
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(network[1].running_mean, mean)
    assert not network.training
