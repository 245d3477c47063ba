"""What every attention module promises, for all modules and all flavours of their options."""

import pytest
import torch
from attnbench.study.options import Size
from torch import Tensor, nn

from attnbench import cost
from attnbench.networks.gates import Attention
from attnbench.networks.slots import Network, Slot
from attnbench.study import attention, module_files

SIZES = [(1, 1), (1, 7)]  # and 6 x 5, of all other tests


class OneSlot(Network):
    """A network that is nothing but one slot."""

    def __init__(self, module: Attention, channels: int, size: Size) -> None:
        super().__init__()
        self.body = module
        self.channels, self.size = channels, size

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.body(x)
        return out

    def slots(self) -> dict[str, Slot]:
        return {"stage1.block1.body": Slot(self, "body", 1, 1, "body", self.channels, self.size)}

    def views(self) -> dict[str, nn.Module]:
        return {}


def test_shape_and_type_are_kept_and_the_input_is_not_changed(flavour, x: Tensor) -> None:
    before = x.clone()
    for module in (flavour.build().train(), flavour.trained().eval()):
        assert isinstance(module, Attention)
        y = module(x)
        assert y.shape == x.shape
        assert y.dtype == torch.float32
        assert y.isfinite().all()
        assert torch.equal(x, before)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_any_size_of_map(flavour, size: Size) -> None:
    """Outputs and gradients are numbers, behind a channel that is silent and one that is the same everywhere too."""
    x = torch.rand(2, 16, *size)
    x[:, 0], x[:, 1] = 0, 1
    x.requires_grad_()
    module = flavour.trained(channels=16, size=size)
    y = module.train()(x)
    (gradient,) = torch.autograd.grad(y.square().sum(), x)
    for found in (y, gradient, module.eval()(x)):
        assert found.shape == x.shape
        assert found.isfinite().all()


def test_fewer_channels_than_the_reduction(flavour) -> None:
    """No layer is empty: the gates still have weights to learn with."""
    for channels in (1, 2, 3):
        module = flavour.build(channels)
        assert all(parameter.numel() for parameter in module.parameters())
        x = torch.rand(2, channels, 6, 5, requires_grad=True)
        y = module(x)
        assert y.isfinite().all()
        y.sum().backward()
        assert all(parameter.grad.isfinite().all() for parameter in module.parameters())


def test_images_of_a_batch_do_not_see_each_other(flavour, x: Tensor) -> None:
    module = flavour.trained().eval()
    alone = torch.cat([module(image[None]) for image in x])
    torch.testing.assert_close(module(x), alone, rtol=1e-5, atol=1e-5)


def test_gradient_reaches_the_input_and_every_parameter(flavour, x: Tensor) -> None:
    module = (
        flavour.trained().eval()
    )  # trained: a norm of weight 0 lets none through; eval: a bias before a norm gets 0
    x.requires_grad_()
    (module(x) * torch.linspace(-1, 1, x.numel()).view_as(x)).sum().backward()
    for label, tensor in [("input", x), *module.named_parameters()]:
        assert tensor.grad is not None, label
        assert tensor.grad.isfinite().all(), label
        assert tensor.grad.any(), label


def test_what_is_done_to_the_features_depends_on_the_features(flavour, x: Tensor) -> None:
    """No fixed factors and terms: these would make of the mean of two images the mean of what they make of each.

    In float64, for a term that is small beside the features after one step.
    """
    module, x = flavour.trained().double().eval(), x.double()
    of_mean, mean = module((x + x.flip(0)) / 2), (module(x) + module(x.flip(0))) / 2
    assert (of_mean - mean).abs().max() > 1e-6 * mean.abs().max()


def test_on_maps_of_another_size_a_module_works_or_says_what_it_was_built_for(flavour) -> None:
    """It may refuse if its file asks for the size, and must if its tensors depend on it."""
    one, other = (flavour.build(16, size=size).eval() for size in ((6, 5), (7, 4)))
    x = torch.rand(2, 16, 7, 4)
    if shapes(one) == shapes(other):
        assert one(x).shape == x.shape
        return
    assert module_files.needs_size(attention.path(flavour.name))
    for call in (one, one.maps):
        with pytest.raises(ValueError, match=r"6.{1,4}5.*7.{1,4}4|7.{1,4}4.*6.{1,4}5"):
            call(x)


def shapes(module: Attention) -> list[torch.Size]:
    return [tensor.shape for tensor in (*module.parameters(), *module.buffers())]


def test_its_operations_can_be_counted(flavour) -> None:
    counts = cost.count(OneSlot(flavour.build(16), 16, (6, 5)), (16, 6, 5))
    assert counts.attention_parameters == counts.parameters == flavour.parameter_count(16)
    assert counts.attention_macs == counts.macs
    assert counts.elementwise_operations >= 16 * 6 * 5  # a product or a sum for every activation, at the least
