"""Types, memory layouts and repeatability of every attention module."""

from collections.abc import Iterator

import pytest
import torch
from networks.configurations import Configuration
from torch import Tensor

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.cuda)]


@pytest.fixture
def deterministic(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    yield
    torch.use_deterministic_algorithms(before)


def assert_near(rounded: Tensor, exact: Tensor, share: float) -> None:
    """The mean difference is below a share of the mean magnitude."""
    assert (rounded.double() - exact).abs().mean() < share * exact.abs().mean()


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
def test_type_is_kept_under_autocast(configured: Configuration, x: Tensor, dtype: torch.dtype, device: str) -> None:
    module = configured.trained().eval()
    exact = module(x)
    with torch.autocast(device, torch.bfloat16):
        y = module.to(device)(x.to(device, dtype))
    assert y.dtype == dtype
    assert_near(y.cpu(), exact, 0.02)


@pytest.mark.parametrize(("dtype", "share"), [(torch.bfloat16, 0.02), (torch.float64, 1e-5)], ids=str)
def test_a_module_of_another_type_keeps_it(
    configured: Configuration, x: Tensor, dtype: torch.dtype, share: float
) -> None:
    module = configured.trained().eval()
    exact = module(x)
    x = x.to(dtype).requires_grad_()
    y = module.to(dtype)(x)
    assert y.dtype == dtype
    assert_near(y, exact, share)
    y.sum().backward()
    for tensor in (x, *module.parameters()):
        assert tensor.grad is not None
        assert tensor.grad.dtype == dtype
        assert tensor.grad.isfinite().all()


def test_memory_layout_is_kept_and_does_not_matter(configured: Configuration, x: Tensor) -> None:
    module = configured.trained().eval()
    last = x.contiguous(memory_format=torch.channels_last)
    y = module(last)
    assert y.is_contiguous(memory_format=torch.channels_last)
    rounding = 1e-6 * max(10, y.abs().max().item())  # sums of large terms may be small
    torch.testing.assert_close(y, module(x), rtol=1e-5, atol=rounding)


def test_values_are_the_same_with_and_without_gradients(configured: Configuration, x: Tensor) -> None:
    module = configured.trained().eval()
    with torch.no_grad():
        without = module(x)
    assert torch.equal(module(x.requires_grad_()), without)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.usefixtures("deterministic")
def test_deterministic_algorithms_are_enough_and_repeat(configured: Configuration, x: Tensor, device: str) -> None:
    x = x.to(device).contiguous(memory_format=torch.channels_last)
    results = []
    for _ in range(2):
        module, leaf = configured.trained().to(device).train(), x.clone().requires_grad_()
        y = module(leaf)
        y.square().sum().backward()
        results.append([y, leaf.grad, *(parameter.grad for parameter in module.parameters())])
    assert all(torch.equal(first, again) for first, again in zip(*results, strict=True))
