"""Every counting rule against a number computed by hand, for a map of 1 x 4 x 6 x 8 (192 elements)."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from attnbench import cost
from attnbench.cost import handles, rules, tracer
from attnbench.errors import UserError

SHAPE = (4, 6, 8)  # 192 elements, 48 positions
N = 192

AVERAGES = {
    "mean": lambda m, x: x.mean((2, 3)),
    "mean keepdim": lambda m, x: x.mean((2, 3), keepdim=True),
    "mean flat": lambda m, x: x.flatten(2).mean(-1),
    "adaptive": lambda m, x: F.adaptive_avg_pool2d(x, 1),
    "adaptive 1d": lambda m, x: F.adaptive_avg_pool1d(x.flatten(2), 1),
    "avg_pool2d": lambda m, x: F.avg_pool2d(x, x.shape[2:]),
    "sum and quotient": lambda m, x: x.sum((2, 3)) / (x.shape[2] * x.shape[3]),
    "sum and product": lambda m, x: x.sum((2, 3)) * (1 / (x.shape[2] * x.shape[3])),
}

MAXIMA_AND_SUMS = {
    "amax": lambda m, x: x.amax((2, 3)),
    "max flat": lambda m, x: x.flatten(2).max(-1)[0],
    "max.values": lambda m, x: x.view(x.size(0), x.size(1), -1).max(2).values,
    "adaptive max": lambda m, x: F.adaptive_max_pool2d(x, 1),
    "max_pool2d": lambda m, x: F.max_pool2d(x, (6, 8)),
    "sum": lambda m, x: x.sum((2, 3)),
    "sum by einsum": lambda m, x: torch.einsum("nchw->nc", x),
}

ELEMENTWISE = {  # operations per element of the map
    "relu": (1, lambda m, x: F.relu(x)),
    "relu in place": (1, lambda m, x: x.clone().relu_()),
    "relu6": (1, lambda m, x: F.relu6(x)),
    "sigmoid": (1, lambda m, x: x.sigmoid()),
    "hardsigmoid": (1, lambda m, x: F.hardsigmoid(x)),
    "tanh": (1, lambda m, x: x.tanh()),
    "silu": (1, lambda m, x: F.silu(x)),
    "gelu": (1, lambda m, x: F.gelu(x)),
    "hardswish": (1, lambda m, x: F.hardswish(x)),
    "leaky relu": (1, lambda m, x: F.leaky_relu(x)),
    "softplus": (1, lambda m, x: F.softplus(x)),
    "clamp": (1, lambda m, x: x.clamp(0, 1)),
    "pow": (1, lambda m, x: x**2),
    "sqrt": (1, lambda m, x: x.sqrt()),
    "exp": (1, lambda m, x: x.exp()),
    "add": (1, lambda m, x: x + x),
    "sub": (1, lambda m, x: 1 - x),
    "mul": (1, lambda m, x: x * x),
    "div": (1, lambda m, x: x / 3),
    "maximum of two": (1, lambda m, x: torch.maximum(x, x)),
    "max of two": (1, lambda m, x: torch.max(x, x)),
    "where": (2, lambda m, x: torch.where(x > 0, x, 0.0)),
    "batch norm": (1, lambda m, x: m.norm(x)),
    "bilinear": (16, lambda m, x: F.interpolate(x, scale_factor=2, mode="bilinear")),
    "gate of a vector": (1, lambda m, x: x * torch.ones(1, 4, 1, 1)),
    "dropout in eval": (0, lambda m, x: m.drop(x)),
    "dropout always on": (1, lambda m, x: F.dropout(x, 0.5, training=True)),
}

FREE = {
    "view": lambda m, x: x.view(1, -1),
    "cat": lambda m, x: torch.cat([x, x], 1),
    "flatten": lambda m, x: x.flatten(1),
    "permute": lambda m, x: x.permute(0, 2, 3, 1).contiguous(),
    "split": lambda m, x: torch.cat(x.chunk(2, 1)[::-1], 1),
    "expand": lambda m, x: x[:, :, :1, :1].expand_as(x),
    "pad": lambda m, x: F.pad(x, (1, 1, 1, 1)),
    "unfold": lambda m, x: F.unfold(x, 3),
    "roll": lambda m, x: x.roll(1, 2),
    "shuffle": lambda m, x: F.channel_shuffle(x, 2),
    "nearest": lambda m, x: F.interpolate(x, scale_factor=2),
    "integer arithmetic": lambda m, x: x[:, (torch.arange(8) + 1) % 4],
    "shape arithmetic": lambda m, x: x.reshape(x.shape[0] * x.shape[1], x.shape[2] * 2 // 2, -1),
}

PRODUCTS = {  # multiply-adds
    "conv 3x3": (5 * 4 * 9 * 48, lambda m, x: m.conv(x)),
    "conv same": (5 * 4 * 9 * 48, lambda m, x: F.conv2d(x, m.conv.weight, padding="same")),
    "depthwise": (4 * 9 * 48, lambda m, x: m.depth(x)),
    "transposed": (4 * 5 * 4 * 48, lambda m, x: m.up(x)),
    "conv1d": (3 * 4, lambda m, x: m.line(x.mean((2, 3))[:, None])),
    "linear": (24 * 8 * 14, lambda m, x: m.fc(x)),
    "matmul": (4 * 6 * 6 * 8, lambda m, x: x @ x.transpose(2, 3)),
    "matmul broadcast": (4 * 5 * 6 * 8, lambda m, x: torch.ones(5, 6) @ x),
    "bmm": (4 * 6 * 6 * 8, lambda m, x: torch.bmm(x[0], x[0].transpose(1, 2))),
    "addmm": (6 * 8 * 3, lambda m, x: torch.addmm(torch.ones(3), x[0, 0], torch.ones(8, 3))),
    "vector": (8, lambda m, x: x[0, 0, 0] @ x[0, 0, 1]),
    "einsum": (4 * 6 * 6 * 8, lambda m, x: torch.einsum("nchw,nckw->nchk", x, x)),
    "einsum dots": (4 * 6 * 6 * 8, lambda m, x: torch.einsum("...hw,...kw", x, x)),
    "einsum three": (
        4 * 6 * 8 + 4 * 8 * 5,
        lambda m, x: torch.einsum("nchw,h,wd->ncd", x, torch.ones(6), torch.ones(8, 5)),
    ),
}


@pytest.fixture
def counted(network_of):
    """Return `counted(function)`: the counts of a network that computes it."""
    parts = {
        "norm": nn.BatchNorm2d(4),
        "drop": nn.Dropout(0.5),
        "conv": nn.Conv2d(4, 5, 3, padding=1),
        "depth": nn.Conv2d(4, 4, 3, padding=1, groups=4),
        "up": nn.ConvTranspose2d(4, 5, 2, stride=2),
        "line": nn.Conv1d(1, 1, 3, padding=1, bias=False),
        "fc": nn.Linear(8, 14),
        "ln": nn.LayerNorm(8),
        "mha": nn.MultiheadAttention(4, 2, batch_first=True),
    }
    return lambda function: cost.count(network_of(function, **parts), SHAPE)


@pytest.mark.parametrize("name", AVERAGES)
def test_a_global_average_costs_the_same_however_it_is_written(name, counted):
    counts = counted(AVERAGES[name])
    assert (counts.pooling_operations, counts.elementwise_operations, counts.macs) == (N, 4, 0)


@pytest.mark.parametrize("name", MAXIMA_AND_SUMS)
def test_a_global_maximum_or_sum_costs_the_same_however_it_is_written(name, counted):
    counts = counted(MAXIMA_AND_SUMS[name])
    assert (counts.pooling_operations, counts.elementwise_operations, counts.macs) == (N, 0, 0)


@pytest.mark.parametrize("pool", [lambda m, x: x.mean(1), lambda m, x: x.max(1)[0], lambda m, x: F.max_pool2d(x, 2)])
def test_other_pools_cost_one_per_element_of_the_input(pool, counted):
    assert counted(pool).pooling_operations == N


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_operators_cost_one_per_element_of_the_output(name, counted):
    scale, function = ELEMENTWISE[name]
    counts = counted(function)
    assert (counts.pooling_operations, counts.elementwise_operations, counts.macs) == (0, scale * N, 0)


@pytest.mark.parametrize("name", FREE)
def test_moves_are_free(name, counted):
    counts = counted(FREE[name])
    assert (counts.pooling_operations, counts.elementwise_operations, counts.macs) == (0, 0, 0)


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_by_hand(name, counted):
    expected, function = PRODUCTS[name]
    assert counted(function).macs == expected


def test_a_softmax_is_two_pools_and_two_functions(counted):
    counts = counted(lambda m, x: x.softmax(1))
    assert (counts.pooling_operations, counts.elementwise_operations) == (2 * N, 2 * N)


@pytest.mark.parametrize(
    "norm", [lambda m, x: F.group_norm(x, 2), lambda m, x: m.ln(x), lambda m, x: F.instance_norm(x)]
)
def test_a_norm_that_computes_statistics_is_two_pools_and_one_function(norm, counted):
    counts = counted(norm)
    assert (counts.pooling_operations, counts.elementwise_operations) == (2 * N, N)


def test_var_and_vector_norm(counted):
    assert counted(lambda m, x: x.var((2, 3))).pooling_operations == 2 * N
    counts = counted(lambda m, x: torch.linalg.vector_norm(x, dim=1))
    assert (counts.pooling_operations, counts.elementwise_operations) == (N, N)


def test_dot_product_attention_by_hand_and_as_its_parts(counted):
    whole = counted(lambda m, x: F.scaled_dot_product_attention(x, x, x))
    parts = counted(lambda m, x: ((x @ x.transpose(2, 3)) * 8**-0.5).softmax(-1) @ x)
    assert whole.macs == 2 * 4 * 6 * 6 * 8
    assert whole.pooling_operations == 2 * 4 * 6 * 6
    assert whole.elementwise_operations == 3 * 4 * 6 * 6
    assert [whole.macs, whole.pooling_operations, whole.elementwise_operations] == [
        parts.macs,
        parts.pooling_operations,
        parts.elementwise_operations,
    ]


def test_torchs_own_attention_layer_is_counted(counted):
    tokens = 48
    counts = counted(lambda m, x: m.mha(*3 * (x.flatten(2).transpose(1, 2),), need_weights=False)[0])
    assert counts.macs == tokens * 4 * 4 * 4 + 2 * tokens * tokens * 4  # four projections, two products


@pytest.mark.parametrize(
    ("function", "operator"),
    [
        (lambda m, x: torch.fft.fft2(x).abs(), "aten::fft_fft2"),
        (lambda m, x: x.sort(1)[0], "aten::sort"),
        (lambda m, x: torch.cdist(x, x), "aten::cdist"),
    ],
)
def test_an_operator_without_a_rule_is_an_error_that_names_it_and_the_module(function, operator, counted):
    with pytest.raises(UserError, match=rf"no counting rule for {operator} in body\. .*cost/handles\.py"):
        counted(function)


def test_an_operator_that_the_tracer_skips_is_an_error_without_a_rule(monkeypatch, counted):
    monkeypatch.setattr(handles, "MOVES", handles.MOVES.replace(" roll ", " "))
    assert "aten::roll" in tracer.SKIPPED
    with pytest.raises(UserError, match=r"no counting rule for aten::roll in body\."):
        counted(FREE["roll"])


class Doubled(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return 2 * x


def test_an_autograd_function_is_an_error(counted):
    with pytest.raises(UserError, match=r"prim::PythonOp\.Doubled in body"):
        counted(lambda m, x: Doubled.apply(x))


def test_no_operator_is_in_two_tables():
    names = [
        *handles.ELEMENTWISE_OPERATORS.split(),
        *handles.POOLING_OPERATORS.split(),
        *handles.AVERAGES.split(),
        *handles.MOVES.split(),
        *handles.DROPOUTS.split(),
        *rules.SPECIAL,
    ]
    assert sorted(names) == sorted(set(names))
