"""The null controls: gates that do not see their input."""

from math import sqrt
from typing import Any

import pytest
import torch
from networks.reference import Layers, assert_same, attention, jolted, random_maps
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from attnbench.study.options import Factor, OpenShare

SIZE = (7, 5)
OVER = ["channels", "positions", "both"]


def static(layers: Layers, x: Tensor, over: str) -> Tensor:
    y = x
    if over != "positions":
        y = y / (1 + torch.exp(-layers.weight()))[:, None, None]
    if over != "channels":
        y = y / (1 + torch.exp(-layers.weight()))
    return y


def test_constant_halves_its_input() -> None:
    assert torch.equal(attention("constant", 6)(random_maps(6)), random_maps(6) * 0.5)


@pytest.mark.parametrize("value", [0.25, 0.3, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64], ids=str)
def test_constant_multiplies_by_the_value_in_the_type_of_its_input(value: float, dtype: torch.dtype) -> None:
    module, x = attention("constant", 6, value=value), random_maps(6).to(dtype).requires_grad_()
    factor = torch.full_like(x, value)
    y = module(x)
    assert torch.equal(y, x * factor)
    assert torch.equal(torch.autograd.grad(y.sum(), x)[0], factor)
    assert not list(module.parameters())


@pytest.mark.parametrize("over", OVER)
def test_static_is_the_formula(over: str) -> None:
    assert_same(jolted("static", 6, SIZE, over=over), static, random_maps(6, SIZE), over=over)


@pytest.mark.parametrize("start", [0.5, 0.25, 0.9])
@pytest.mark.parametrize("over", OVER)
def test_static_starts_as_the_constant(over: str, start: float) -> None:
    x = random_maps(6, SIZE).float()
    module = attention("static", 6, SIZE, over=over, start=start)
    torch.testing.assert_close(module(x), attention("constant", 6, value=start)(x), rtol=1e-6, atol=1e-6)
    expected = sqrt(start) if over == "both" else start
    for gate in module.maps(x).values():
        torch.testing.assert_close(gate, torch.full_like(gate, expected), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("over", OVER)
def test_a_static_gate_is_learned_and_does_not_see_its_input(over: str) -> None:
    module, x = jolted("static", 6, SIZE, over=over), random_maps(6, SIZE)
    gate = module.gate(x)
    assert torch.equal(gate, module.gate(x.exp()))
    assert torch.equal(gate[0], gate[1])
    (module(x) * torch.randn_like(x)).sum().backward()
    gradients = [parameter.grad for parameter in module.parameters()]
    assert len(gradients) == (2 if over == "both" else 1)
    assert all((gradient != 0).all() for gradient in gradients)


@pytest.mark.parametrize(("options", "names"), [({}, ["channel"]), ({"over": "positions"}, ["spatial"])], ids=str)
def test_one_static_gate_has_one_map(options: dict[str, Any], names: list[str]) -> None:
    assert list(attention("static", 6, SIZE, **options).maps(random_maps(6, SIZE))) == names


@pytest.mark.parametrize("over", ["positions", "both"])
def test_a_static_gate_of_positions_is_tied_to_one_size(over: str) -> None:
    module = attention("static", 6, SIZE, over=over)
    for call in (module, module.maps):
        with pytest.raises(ValueError, match=r"built for maps of 7 x 5 and got 5 x 7; .* Use `over: channels`"):
            call(random_maps(6, (5, 7)))


def test_a_static_gate_of_channels_accepts_any_size() -> None:
    assert attention("static", 6, SIZE)(random_maps(6, (5, 8))).shape == (3, 6, 5, 8)


@pytest.mark.parametrize(
    ("kind", "values", "refused"), [(Factor, (1.0, 0.01), (0.0, 1.01, -0.5)), (OpenShare, (0.99, 0.01), (0.0, 1.0))]
)
def test_gates_that_are_closed_or_amplify_are_refused(
    kind: Any, values: tuple[float, ...], refused: tuple[float, ...]
) -> None:
    for value in values:
        assert TypeAdapter(kind).validate_python(value, strict=True) == value
    for value in refused:
        with pytest.raises(ValidationError):
            TypeAdapter(kind).validate_python(value, strict=True)
