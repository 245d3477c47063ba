"""What every attention module promises, for all modules and all flavours of their options."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from attnbench import attention
from attnbench.attention._contract import Attention, Gate

DOCUMENTED = {"channel": (4, 64, 1, 1), "spatial": (4, 1, 6, 5)}


def test_shape_and_type_are_kept_and_the_input_is_not_changed(flavour, x: Tensor) -> None:
    before = x.clone()
    for module in (flavour.build().train(), flavour.trained().eval()):
        y = module(x)
        assert y.shape == x.shape
        assert y.dtype == torch.float32
        assert y.isfinite().all()
        assert torch.equal(x, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_type_is_kept_under_autocast(flavour, x: Tensor, dtype: torch.dtype) -> None:
    module = flavour.trained().eval()
    with torch.autocast("cpu", torch.bfloat16):
        y = module(x.to(dtype))
    assert y.dtype == dtype
    exact = module(x)
    assert (y.float() - exact).abs().mean() < 0.02 * exact.abs().mean()


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (9, 2), (32, 32)])
def test_any_size_of_map(flavour, shape: tuple[int, int]) -> None:
    x = torch.rand(2, 16, *shape)
    module = flavour.trained(channels=16)
    for mode in (True, False):
        assert module.train(mode)(x).shape == x.shape


def test_fewer_channels_than_the_reduction(flavour) -> None:
    """The bottleneck has at least one unit: the gates still depend on the input."""
    torch.manual_seed(1)
    for channels in (1, 2, 3):
        module = flavour.trained(channels)
        assert all(parameter.numel() for parameter in module.parameters())
        assert module(torch.rand(2, channels, 4, 4)).isfinite().all()


def test_memory_layout_is_kept_and_does_not_matter(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    last = x.contiguous(memory_format=torch.channels_last)
    assert module(last).is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(module(last), module(x), rtol=1e-5, atol=1e-6)


def test_images_of_a_batch_do_not_see_each_other(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    alone = torch.cat([module(image[None]) for image in x])
    torch.testing.assert_close(module(x), alone, rtol=1e-5, atol=1e-6)


def test_gradient_reaches_the_input_and_every_parameter(flavour, x: Tensor) -> None:
    module = flavour.trained().train()  # one step: a norm of weight 0 lets no gradient through at the very start
    x.requires_grad_()
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    for label, tensor in [("input", x), *module.named_parameters()]:
        assert tensor.grad is not None, label
        assert tensor.grad.isfinite().all(), label
        assert tensor.grad.any(), label


def test_attention_changes_the_features_by_what_they_are(flavour, x: Tensor) -> None:
    """The gate is no constant: twice the input is not twice the output."""
    module = flavour.trained().eval()
    assert not torch.allclose(module(2 * x), 2 * module(x), rtol=1e-4, atol=1e-5)


def test_maps_are_the_documented_ones_and_pure(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    before = x.clone()
    maps = module.maps(x)
    assert maps
    for name, found in maps.items():
        assert found.shape == DOCUMENTED[name]
        assert found.min() >= 0
        assert found.max() <= 1
        assert found.std() > 0
    again = module.maps(x)
    assert maps.keys() == again.keys()
    assert all(torch.equal(maps[name], again[name]) for name in maps)
    assert torch.equal(x, before)
    assert all(torch.equal(tensor, state[name]) for name, tensor in module.state_dict().items())


def test_maps_are_what_forward_applies(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    expected = x
    for found in module.maps(x).values():
        expected = expected * found
    torch.testing.assert_close(module(x), expected, rtol=1e-6, atol=1e-7)
    if isinstance(module, Gate):
        assert torch.equal(module(x), x * module.gate(x))


@pytest.mark.parametrize("channels", [16, 32, 64, 128, 256, 512, 1024, 2048])
def test_parameter_count_is_exact(flavour, channels: int) -> None:
    with torch.device("meta"):
        module = attention.load(flavour.name).build(channels, **flavour.options)
    assert all(parameter.requires_grad for parameter in module.parameters())
    counted = sum(parameter.numel() for parameter in module.parameters())
    assert attention.load(flavour.name).parameter_count(channels, **flavour.options) == counted


def test_state_survives_a_file(flavour, x: Tensor, tmp_path: Path) -> None:
    module, other = flavour.trained(seed=1), flavour.build(seed=2)
    save_file(module.state_dict(), tmp_path / "state.safetensors")
    other.load_state_dict(load_file(tmp_path / "state.safetensors"))
    assert torch.equal(module.eval()(x), other.eval()(x))


def test_a_seed_decides_the_weights(flavour) -> None:
    first, again = (flavour.build(seed=1).state_dict() for _ in range(2))
    assert all(torch.equal(first[name], again[name]) for name in first)


@pytest.mark.parametrize("name", ["cam", "cbam", "eca", "sam", "se"])  # a module may well begin without chance
def test_another_seed_gives_other_weights(name: str) -> None:
    states = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        states.append(attention.load(name).build(64).state_dict())
    assert not all(torch.equal(states[0][key], states[1][key]) for key in states[0])


def test_is_an_attention_module(flavour) -> None:
    assert isinstance(flavour.build(), Attention)
