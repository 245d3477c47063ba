"""Any module started as if its slot were empty."""

import pytest
import torch
from torch import Tensor

from attnbench.networks.gates import Attention
from attnbench.networks.identity_start import FromIdentity
from attnbench.study import attention


def test_it_starts_as_the_identity_to_the_bit(family: str, x: Tensor) -> None:
    module = FromIdentity(attention.build(family, 64, (6, 5), {}))
    for mode in (True, False):
        assert torch.equal(module.train(mode)(x), x)


def test_with_the_amount_one_it_is_the_module_inside(family: str, x: Tensor) -> None:
    module, x = FromIdentity(attention.build(family, 64, (6, 5), {})).double().eval(), x.double()
    torch.nn.init.ones_(module.amount)
    torch.testing.assert_close(module(x), module.module(x), rtol=1e-9, atol=1e-9)


def test_between_it_adds_a_share_of_the_change(x: Tensor) -> None:
    module = FromIdentity(attention.load("se").build(64))
    torch.nn.init.constant_(module.amount, -0.25)
    gate = module.module.gate(x)
    torch.testing.assert_close(module(x), x * (1 - 0.25 * (gate - 1)))


def test_the_amount_learns_first_and_then_the_module(x: Tensor) -> None:
    module = FromIdentity(attention.load("se").build(64))
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    assert module.amount.grad is not None
    assert module.amount.grad != 0
    assert not any(parameter.grad.any() for parameter in module.module.parameters())
    module.zero_grad()
    torch.nn.init.constant_(module.amount, 0.01)
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    assert all(parameter.grad.any() for parameter in module.module.parameters())


def test_its_maps_are_those_of_the_module_inside(x: Tensor) -> None:
    inside = attention.load("cbam").build(64, norm_weight=1.0).eval()
    found = FromIdentity(inside).eval().maps(x)
    assert found.keys() == inside.maps(x).keys()
    assert all(torch.equal(value, inside.maps(x)[name]) for name, value in found.items())


def test_it_has_one_parameter_more_and_takes_no_chance() -> None:
    inside = attention.load("se").build(64)
    before = torch.get_rng_state()
    module = FromIdentity(inside)
    assert isinstance(module, Attention)
    assert torch.equal(torch.get_rng_state(), before)
    counts = [sum(parameter.numel() for parameter in each.parameters()) for each in (module, inside)]
    assert counts[0] == counts[1] + 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_it_keeps_type_and_layout(x: Tensor, dtype: torch.dtype) -> None:
    module = FromIdentity(attention.load("cbam").build(64))
    torch.nn.init.constant_(module.amount, 0.5)
    last = x.to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = (module.double() if dtype == torch.float64 else module)(last)
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=torch.channels_last)
