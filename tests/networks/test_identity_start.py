"""Any module, started as the identity."""

from typing import Any

import pytest
import torch
from networks.reference import attention, jolted, parameters
from torch import Tensor

from attnbench.networks.identity_start import FromIdentity
from attnbench.tools.contract.configurations import features


def test_in_between_it_adds_a_share_of_the_change(x: Tensor) -> None:
    module = FromIdentity(attention("se", 64))
    torch.nn.init.constant_(module.amount, -0.25)
    gate = module.module.gate(x)
    torch.testing.assert_close(module(x), x * (1 - 0.25 * (gate - 1)))


def test_the_amount_learns_first_and_then_the_module(x: Tensor) -> None:
    module = FromIdentity(attention("se", 64))
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    assert module.amount.grad is not None
    assert module.amount.grad != 0
    assert not any(parameter.grad.any() for parameter in module.module.parameters())
    module.zero_grad()
    torch.nn.init.constant_(module.amount, 0.01)
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    assert all(parameter.grad.any() for parameter in module.module.parameters())


PRODUCTS: dict[str, tuple[str, dict[str, Any]]] = {
    "a channel gate": ("se", {}),
    "a spatial gate": ("sam", {"norm_weight": 1.0}),
    "a gate for every activation": ("simam", {}),
    "two gates, one after the other": ("cbam", {"norm_weight": 1.0}),
    "two parallel gates": ("cbam", {"norm_weight": 1.0, "arrangement": "parallel"}),
    "two gates that are a gate": ("static", {"over": "both", "start": 0.25}),
    "one and a gate": ("bam", {}),
    "a gate from a context": ("gc", {"fusion": "scale"}),
}


@pytest.mark.parametrize("amount", [0.0, 0.25, -0.5, 3.0])
@pytest.mark.parametrize("kind", PRODUCTS)
def test_its_maps_are_what_is_applied(kind: str, amount: float) -> None:
    """They are y / x, or the means of it over positions and over channels."""
    name, options = PRODUCTS[kind]
    inside = jolted(name, 64, (6, 5), **options)
    module, x = FromIdentity(inside).double().eval(), features().double() + 0.1  # no activation is 0
    torch.nn.init.constant_(module.amount, amount)
    maps, applied = module.maps(x), (module(x) / x).detach()  # (n, c, h, w)
    expected = {"channel": applied.mean((2, 3), keepdim=True), "spatial": applied.mean(1, keepdim=True)}
    assert maps.keys() == inside.maps(x).keys()
    for map_name in maps.keys() - ({"spatial"} if name == "gc" else set()):
        torch.testing.assert_close(maps[map_name], expected[map_name], rtol=1e-9, atol=1e-9)
    if name == "gc":  # weights of a mean: nothing is multiplied by them
        assert torch.equal(maps["spatial"], inside.maps(x)["spatial"])


@pytest.mark.parametrize("name", ["gc", "non_local", "psanet", "psa_simple", "sk"])
def test_the_maps_of_a_module_that_is_no_product_are_its_own(name: str, x: Tensor) -> None:
    inside = attention(name, 64, (6, 5)).eval()
    module = FromIdentity(inside).eval()
    torch.nn.init.constant_(module.amount, 0.5)
    maps = module.maps(x)
    assert maps.keys() == inside.maps(x).keys()
    assert all(torch.equal(tensor, inside.maps(x)[key]) for key, tensor in maps.items())


def test_the_names_of_its_weights_are_those_of_recorded_checkpoints() -> None:
    inside = attention("se", 64)
    assert list(FromIdentity(inside).state_dict()) == ["amount", *(f"module.{name}" for name in inside.state_dict())]


def test_it_adds_one_parameter_and_draws_no_random_number() -> None:
    inside = attention("se", 64)
    before = torch.get_rng_state()
    module = FromIdentity(inside)
    assert torch.equal(torch.get_rng_state(), before)
    assert parameters(module) == parameters(inside) + 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_it_keeps_type_and_layout(x: Tensor, dtype: torch.dtype) -> None:
    module = FromIdentity(attention("cbam", 64))
    torch.nn.init.constant_(module.amount, 0.5)
    last = x.to(dtype).contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
        y = (module.double() if dtype == torch.float64 else module)(last)
    assert y.dtype == dtype
    assert y.is_contiguous(memory_format=torch.channels_last)
