"""The contract of attention modules, for all modules and all configurations of their options."""

from pathlib import Path

import pytest
import torch
from networks.configurations import NULL_CONTROLS, Configuration
from networks.reference import parameters
from one_slot import OneSlot
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnbench import cost
from attnbench.networks import Attention, Gate
from attnbench.study import attention, module_files
from attnbench.study.options import Size

SHAPES = {"channel": (4, 64, 1, 1), "spatial": (4, 1, 6, 5)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_shape_and_type_are_kept_and_the_input_is_not_changed(configured: Configuration, x: Tensor) -> None:
    before = x.clone()
    for module in (configured.build().train(), configured.trained().eval()):
        assert isinstance(module, Attention)
        y = module(x)
        assert y.shape == x.shape
        assert y.dtype == torch.float32
        assert y.isfinite().all()
        assert torch.equal(x, before)


@pytest.mark.parametrize("size", [(1, 1), (1, 7)], ids=str)
def test_any_size_of_map(configured: Configuration, size: Size) -> None:
    """Outputs and gradients are finite, also for a channel of zeros and one that is the same everywhere."""
    x = torch.rand(2, 16, *size)
    x[:, 0], x[:, 1] = 0, 1
    x.requires_grad_()
    module = configured.trained(channels=16, size=size)
    y = module.train()(x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    for tensor in (y, gradient, module.eval()(x)):
        assert tensor.shape == x.shape
        assert tensor.isfinite().all()


def test_fewer_channels_than_the_reduction(configured: Configuration) -> None:
    """No layer is empty, so the gates still have weights to learn with."""
    for channels in filter(configured.takes, (1, 2, 3)):
        module = configured.build(channels)
        assert all(parameter.numel() for parameter in module.parameters())
        x = torch.rand(2, channels, 6, 5, requires_grad=True)
        y = module(x)
        assert y.isfinite().all()
        y.sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


def test_images_of_a_batch_do_not_see_each_other(configured: Configuration, x: Tensor) -> None:
    module = configured.trained().eval()
    alone = torch.cat([module(image[None]) for image in x])
    torch.testing.assert_close(module(x), alone, rtol=1e-5, atol=1e-5)


def test_gradient_reaches_the_input_and_every_parameter(configured: Configuration, x: Tensor) -> None:
    """In a trained module: a norm of weight 0 lets none through. In eval mode: in training a norm cancels a bias."""
    module = configured.trained().eval()
    x.requires_grad_()
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    for label, tensor in [("input", x), *module.named_parameters()]:
        assert tensor.grad is not None, label
        assert tensor.grad.isfinite().all(), label
        assert tensor.grad.any(), label


def test_the_effect_depends_on_the_features(configured: Configuration, x: Tensor) -> None:
    """Fixed factors and terms would map the mean of two images to the mean of their outputs, as null controls do.

    In float64, for a term that is small compared with the features after one step.
    """
    module, x = configured.trained().double().eval(), x.double()
    of_mean, mean = module((x + x.flip(0)) / 2), (module(x) + module(x.flip(0))) / 2
    if configured.name in NULL_CONTROLS:
        torch.testing.assert_close(of_mean, mean, rtol=1e-12, atol=1e-12)
    else:
        assert (of_mean - mean).abs().max() > 1e-9 * mean.abs().max()


def test_on_maps_of_another_size_a_module_works_or_names_its_size(configured: Configuration) -> None:
    """It may refuse if its file asks for the size, and must if its tensors depend on it."""
    one, other = (configured.build(16, size=size).eval() for size in ((6, 5), (7, 4)))
    x = torch.rand(2, 16, 7, 4)
    if shapes(one) == shapes(other):
        assert one(x).shape == x.shape
        return
    assert module_files.needs_size(attention.path(configured.name))
    for call in (one, one.maps):
        with pytest.raises(ValueError, match=r"6.{1,4}5.*7.{1,4}4|7.{1,4}4.*6.{1,4}5"):
            call(x)


def shapes(module: Attention) -> list[torch.Size]:
    return [tensor.shape for tensor in (*module.parameters(), *module.buffers())]


def test_its_operations_can_be_counted(configured: Configuration) -> None:
    module = configured.build(16)
    counts = cost.count(OneSlot(module, 16, (6, 5)), (16, 6, 5))
    assert counts.attention_parameters == counts.parameters == parameters(module)
    assert counts.attention_macs == counts.macs
    assert counts.elementwise_operations >= 16 * 6 * 5  # at least a product or a sum for every activation


def test_state_survives_a_file(configured: Configuration, x: Tensor, tmp_path: Path) -> None:
    module, other = configured.trained(), configured.build(seed=2)
    save_file(module.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert torch.equal(module.eval()(x), other.eval()(x))


def test_the_seed_determines_the_weights(configured: Configuration) -> None:
    """Another seed gives other weights; a module that draws no random number starts every tensor as one constant."""
    first, again, other = (configured.build(seed=seed).state_dict() for seed in (1, 1, 2))
    stream = torch.get_rng_state()
    assert same(first, again)
    if torch.equal(stream, torch.Generator().manual_seed(2).get_state()):
        assert all((parameter == parameter.flatten()[0]).all() for parameter in configured.build().parameters())
    else:
        assert not same(first, other)


def test_maps_have_the_documented_shapes_and_range(configured: Configuration, x: Tensor) -> None:
    """No map is constant, except a distribution that weighs all positions alike, and the module `constant`."""
    maps = configured.trained().eval().maps(x)
    assert maps
    for name, tensor in maps.items():
        assert tensor.shape == SHAPES[name]
        assert tensor.isfinite().all()
        assert configured.leaves_the_range or (tensor.min() >= 0 and tensor.max() <= 1)
        assert tensor.std() > 0 or (name == "spatial" and tensor.eq(1).all()) or configured.name == "constant"


def test_maps_change_nothing(configured: Configuration, x: Tensor) -> None:
    module = configured.trained().eval()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before, stream = x.clone(), torch.get_rng_state()
    assert same(module.maps(x), module.maps(x))
    assert torch.equal(x, before)
    assert torch.equal(torch.get_rng_state(), stream)
    assert same(module.state_dict(), state)


def test_maps_of_a_gate_are_the_gate_or_its_means(configured_gate: Configuration, x: Tensor) -> None:
    module = configured_gate.trained().eval()
    gate = module.gate(x)  # broadcasts to x
    assert torch.equal(module(x), x * gate)
    means = {"channel": gate.mean((2, 3), keepdim=True), "spatial": gate.mean(1, keepdim=True)}
    expected = means if gate.shape == x.shape else {name: gate for name in SHAPES if gate.shape == SHAPES[name]}
    maps = module.maps(x)
    assert maps.keys() == expected.keys()
    for name, tensor in maps.items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-5, atol=1e-6)


def test_maps_of_two_gates_are_the_factors_of_forward(configured_pair_of_gates: Configuration, x: Tensor) -> None:
    module = configured_pair_of_gates.trained().eval()
    maps = module.maps(x)
    assert maps.keys() == SHAPES.keys()
    torch.testing.assert_close(module(x), x * maps["channel"] * maps["spatial"], rtol=1e-6, atol=1e-7)


def test_a_distribution_over_positions_is_divided_by_its_largest(configured_other: Configuration, x: Tensor) -> None:
    """A module that is neither a gate nor made of gates, and has no channel map, shows a distribution."""
    maps = configured_other.trained().eval().maps(x)
    if "channel" not in maps:
        largest = maps["spatial"].amax((2, 3))
        assert (largest.isclose(torch.ones(())) | largest.eq(0)).all()  # 0: an image without any weight
        assert largest.any()


def test_forward_applies_the_modulation(configured: Configuration, x: Tensor) -> None:
    module = configured.trained().eval()
    modulation = module.modulation(x)
    assert all(len(tensor) == len(x) for tensor in modulation.values())
    assert torch.equal(module(x), module.modulate(x, modulation))


def test_a_factor_is_what_the_input_is_multiplied_by(configured: Configuration, x: Tensor) -> None:
    """Every gate has one, so that `start: identity` can show what it applies."""
    module = configured.trained().eval()
    factor = module.factor(module.modulation(x))
    if factor is None:
        assert not isinstance(module, Gate)
    else:
        torch.testing.assert_close(module(x), x * factor, rtol=1e-5, atol=1e-6)
