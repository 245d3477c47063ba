"""The convolution of the spatial gates and its backward pass, against torch's own."""

import pytest
import torch
from torch.nn.functional import conv2d

from attnbench.networks import map_convolution
from attnbench.networks.map_convolution import FEWEST_IMAGES, MapConvolution


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(("maps", "k", "size"), [(2, 7, (5, 9)), (1, 3, (4, 4)), (3, 5, (1, 2)), (2, 1, (3, 2))])
def test_values_and_gradients_are_those_of_torch(maps, k, size, layout):
    torch.manual_seed(0)
    module = MapConvolution(maps, k).double()
    x = torch.randn(FEWEST_IMAGES, maps, *size).double().contiguous(memory_format=layout).requires_grad_()
    plain = conv2d(x, module.weight, padding=k // 2)
    torch.testing.assert_close(module(x), plain)
    weights = torch.randn_like(plain)
    mine, expected = (torch.autograd.grad((y * weights).sum(), (x, module.weight)) for y in (module(x), plain))
    for one, other in zip(mine, expected, strict=True):
        torch.testing.assert_close(one, other)


def test_the_gradient_is_the_slope():
    torch.manual_seed(0)
    module = MapConvolution(2, 3).double()
    assert torch.autograd.gradcheck(module, (torch.randn(FEWEST_IMAGES, 2, 2, 2).double().requires_grad_(),))


def test_under_autocast_bfloat16_is_convolved_in_float32_and_rounded_once():
    torch.manual_seed(0)
    module = MapConvolution(2, 7)
    x = torch.randn(FEWEST_IMAGES, 2, 8, 8).bfloat16().requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = module(x)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.double(), conv2d(x.double(), module.weight.double(), padding=3), rtol=2**-8, atol=1e-6)
    y.sum().backward()
    assert x.grad.dtype == torch.bfloat16
    assert module.weight.grad.dtype == torch.float32


def test_few_images_take_the_plain_operator(monkeypatch):
    monkeypatch.setattr(map_convolution._Convolution, "apply", lambda x, weight: pytest.fail("called"))
    module = MapConvolution(2, 7)
    assert module(torch.randn(FEWEST_IMAGES - 1, 2, 8, 8)).shape == (FEWEST_IMAGES - 1, 1, 8, 8)
    with pytest.raises(pytest.fail.Exception):
        module(torch.randn(FEWEST_IMAGES, 2, 8, 8))
