"""The pools and their backward passes, against autograd on plain operators."""

import warnings

import pytest
import torch
from torch import Tensor

from attnbench.networks import pooling

SHAPES = [(4, 6, 5, 7), (2, 1, 3, 3), (3, 5, 1, 1), (1, 16, 8, 8)]
POOLS = {
    "positions": (pooling.mean_and_max_over_positions, lambda x: (x.mean((2, 3)), x.amax((2, 3)))),
    "channels": (pooling.mean_and_max_over_channels, lambda x: (x.mean(1, keepdim=True), x.amax(1, keepdim=True))),
}


def distinct(shape: tuple[int, ...], layout: torch.memory_format, dtype: torch.dtype = torch.float64) -> Tensor:
    """Return values that are all different."""
    n = torch.Size(shape).numel()
    values = torch.randperm(n, generator=torch.Generator().manual_seed(0)).to(dtype) / 8 - n / 16
    return values.view(shape).contiguous(memory_format=layout)


def gradient(pool, x: Tensor) -> Tensor:
    """Return the gradient of a sum in which every mean and every maximum has its own weight."""
    x = x.clone().requires_grad_()
    mean, largest = pool(x)
    weights = torch.arange(1, mean.numel() + 1, dtype=x.dtype).view(mean.shape)
    ((mean * weights).sum() + (largest * (weights + 0.5)).sum()).backward()
    return x.grad


@pytest.mark.parametrize("over", POOLS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_values_and_gradients_are_those_of_plain_operators(over, shape, layout):
    ours, plain = POOLS[over]
    x = distinct(shape, layout)
    for one, other in zip(ours(x), plain(x), strict=True):
        torch.testing.assert_close(one, other)
    torch.testing.assert_close(gradient(ours, x), gradient(plain, x))


@pytest.mark.parametrize("over", POOLS)
def test_the_gradient_is_the_slope(over):
    x = distinct((2, 3, 2, 3), torch.contiguous_format).requires_grad_()
    assert torch.autograd.gradcheck(POOLS[over][0], (x,), eps=1e-3)


def test_the_first_of_equal_maxima_over_positions_receives_the_gradient():
    x = torch.tensor([[0.0, 3.0], [3.0, 3.0]]).view(1, 1, 2, 2).requires_grad_()
    pooling.mean_and_max_over_positions(x)[1].sum().backward()
    assert x.grad.flatten().tolist() == [0, 1, 0, 0]


def test_both_forms_of_the_gradient_over_positions_are_equal():
    share, of_max = torch.rand(2, 1, 3), torch.rand(2, 3)
    position = torch.tensor([[0, 5, 2], [3, 3, 1]])
    one, other = (
        spread(share, of_max, position, 6) for spread in (pooling._spread_by_index, pooling._spread_by_comparison)
    )
    assert torch.equal(one, other)
    assert one[0, 5].tolist() == [share[0, 0, 0], share[0, 0, 1] + of_max[0, 1], share[0, 0, 2]]


def test_equal_maxima_over_channels_share_the_gradient():
    x = torch.tensor([3.0, 1.0, 3.0, 3.0]).view(1, 4, 1, 1).requires_grad_()
    (6 * pooling.mean_and_max_over_channels(x)[1]).sum().backward()
    assert x.grad.flatten().tolist() == [2, 0, 2, 2]


@pytest.mark.parametrize("over", POOLS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_bfloat16_stays_bfloat16_and_rounds_once(over, layout):
    x = distinct((4, 6, 5, 7), layout, torch.float32).bfloat16()
    ours, plain = POOLS[over]
    mean, largest = ours(x)
    exact_mean, exact_largest = plain(x.double())
    assert mean.dtype == largest.dtype == torch.bfloat16
    assert torch.equal(largest.double(), exact_largest)
    torch.testing.assert_close(mean.double(), exact_mean, rtol=2**-7, atol=2**-7)
    assert gradient(ours, x).dtype == torch.bfloat16


@pytest.mark.parametrize("over", POOLS)
def test_traced_they_are_plain_operators_of_the_same_values(over):
    ours = POOLS[over][0]
    x = distinct((2, 4, 3, 3), torch.contiguous_format, torch.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # fvcore, which counts operators, uses the deprecated tracer
        traced = torch.jit.trace(lambda x: ours(x), x)
    for one, other in zip(traced(x), ours(x), strict=True):
        torch.testing.assert_close(one, other)
    kinds = {node.kind() for node in traced.inlined_graph.nodes()}
    assert {"aten::amax", "aten::sum"} <= kinds
    assert "prim::PythonOp" not in kinds


@pytest.mark.parametrize("over", POOLS)
def test_nan_propagates(over):
    x = torch.full((1, 2, 2, 2), torch.nan)
    assert all(pooled.isnan().all() for pooled in POOLS[over][0](x))


SINGLE = {
    "mean over channels": (pooling.mean_over_channels, lambda x: x.mean(1, keepdim=True)),
    "max over channels": (pooling.max_over_channels, lambda x: x.amax(1, keepdim=True)),
    "max over positions": (pooling.max_over_positions, lambda x: x.amax((2, 3))),
    "norm over positions": (pooling.norm_over_positions, lambda x: x.square().sum((2, 3)).sqrt()),
    "log-sum-exp over positions": (pooling.logsumexp_over_positions, lambda x: x.exp().sum((2, 3)).log()),
}


@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("shape", SHAPES)
def test_a_single_pool_and_its_gradient_are_those_of_plain_operators(name, shape):
    ours, plain = SINGLE[name]
    x = distinct(shape, torch.channels_last).requires_grad_()
    weights = torch.arange(1.0, plain(x).numel() + 1).view(plain(x).shape)
    mine, expected = (torch.autograd.grad((pool(x) * weights).sum(), x)[0] for pool in (ours, plain))
    torch.testing.assert_close(ours(x), plain(x))
    torch.testing.assert_close(mine, expected)


def test_the_norm_of_a_channel_of_zeros_has_gradient_zero():
    x = torch.zeros(1, 2, 2, 2, requires_grad=True)
    pooling.norm_over_positions(x).sum().backward()
    assert x.grad.flatten().tolist() == [0] * 8


def test_a_single_maximum_treats_ties_as_the_pair_does():
    x = torch.ones(1, 2, 1, 2, requires_grad=True)
    over_positions, over_channels = pooling.max_over_positions(x).sum(), pooling.max_over_channels(x).sum()
    assert torch.autograd.grad(over_positions, x)[0].flatten().tolist() == [1, 0, 1, 0]
    assert torch.autograd.grad(over_channels, x)[0].flatten().tolist() == [0.5, 0.5, 0.5, 0.5]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("pool", [*(ours for ours, _ in POOLS.values()), *(ours for ours, _ in SINGLE.values())])
def test_without_a_gradient_values_are_the_same_to_the_bit(pool, dtype):
    x = torch.randn(3, 16, 9, 7, generator=torch.Generator().manual_seed(0)).to(dtype)
    plain = pool(x)
    with torch.no_grad():
        under = pool(x.clone().requires_grad_())
    for one, other, with_gradient in zip(*map(parts, (plain, under, pool(x.clone().requires_grad_()))), strict=True):
        assert torch.equal(one, other)
        assert torch.equal(one, with_gradient)
        assert with_gradient.requires_grad


@pytest.mark.parametrize("pool", [*(ours for ours, _ in POOLS.values()), *(ours for ours, _ in SINGLE.values())])
def test_without_a_gradient_no_autograd_function_is_called(pool, monkeypatch):
    for function in (pooling._OverPositions, pooling._OverChannels):
        monkeypatch.setattr(function, "apply", lambda x: pytest.fail("called"))
    x = torch.rand(2, 3, 4, 5)
    pool(x)
    with torch.no_grad():
        pool(x.requires_grad_())


def parts(pooled: Tensor | tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    return pooled if isinstance(pooled, tuple) else (pooled,)
