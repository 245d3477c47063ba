"""The maps that modules give for drawing: `Attention.maps` has the rule."""

import torch
from torch import Tensor

SHAPES = {"channel": (4, 64, 1, 1), "spatial": (4, 1, 6, 5)}


def test_maps_have_the_documented_shapes_and_range(flavour, x: Tensor) -> None:
    """None is the same everywhere, but for a distribution that weighs all positions alike."""
    maps = flavour.trained().eval().maps(x)
    assert maps
    for name, found in maps.items():
        assert found.shape == SHAPES[name]
        assert found.isfinite().all()
        assert flavour.leaves_the_range or (found.min() >= 0 and found.max() <= 1)
        assert found.std() > 0 or (name == "spatial" and found.eq(1).all())


def test_maps_change_nothing(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before, stream = x.clone(), torch.get_rng_state()
    first, again = module.maps(x), module.maps(x)
    assert first.keys() == again.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert torch.equal(x, before)
    assert torch.equal(torch.get_rng_state(), stream)
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


def test_maps_of_a_gate_are_the_gate_or_its_means(gate_flavour, x: Tensor) -> None:
    module = gate_flavour.trained().eval()
    gate = module.gate(x)  # broadcasts to x
    assert torch.equal(module(x), x * gate)
    means = {"channel": gate.mean((2, 3), keepdim=True), "spatial": gate.mean(1, keepdim=True)}
    expected = means if gate.shape == x.shape else {name: gate for name in SHAPES if gate.shape == SHAPES[name]}
    found = module.maps(x)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6)


def test_maps_of_two_gates_are_the_factors_of_forward(composed_flavour, x: Tensor) -> None:
    module = composed_flavour.trained().eval()
    maps = module.maps(x)
    assert maps.keys() == SHAPES.keys()
    torch.testing.assert_close(module(x), x * maps["channel"] * maps["spatial"], rtol=1e-6, atol=1e-7)


def test_a_distribution_over_positions_is_divided_by_its_largest(other_flavour, x: Tensor) -> None:
    """Of what is no gate and no two gates, a module without channel gates shows a distribution."""
    maps = other_flavour.trained().eval().maps(x)
    assert "channel" in maps or torch.allclose(maps["spatial"].amax((2, 3)), torch.ones(4, 1))
