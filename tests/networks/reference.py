"""What tests of networks share: inputs, random weights, and references that a network is compared with."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from attnbench import networks
from attnbench.networks import Network
from attnbench.study import attention as modules
from attnbench.tools.contract.configurations import configurations

Shape = tuple[int, int, int]
CONFIGURATIONS = [case for name in modules.names() for case in configurations(name)]  # of every attention module


def random_maps(channels: int, size: tuple[int, int] = (7, 5)) -> Tensor:
    """Feature maps (3, c, h, w) in float64."""
    return torch.randn(3, channels, *size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def images(shape: Shape = (3, 32, 32), n: int = 2) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(1))


def attention(name: str, channels: int, size: tuple[int, int] = (7, 5), **options: Any) -> Any:
    """The attention module `name`."""
    return networks.build_attention(name, channels, size, options)


def jolted(name: str, channels: int, size: tuple[int, int] = (7, 5), **options: Any) -> Any:
    """The attention module `name` in float64, with random weights everywhere, biases and norms included."""
    return jolt(attention(name, channels, size, **options))


def jolt(module: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(1)
    module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64) / 2)
        for name, buffer in module.named_buffers():
            if name.endswith(("running_mean", "running_var")):
                buffer.copy_(torch.rand(buffer.shape, generator=generator, dtype=torch.float64) + 0.5)
    return module


class Layers:
    """The layers of a module as functions. They use copies of its weights, in the order of its parameters."""

    def __init__(self, module: nn.Module) -> None:
        self.training = module.training
        self.weights = [parameter.detach().clone().requires_grad_() for parameter in module.parameters()]
        self.statistics = [value.clone() for name, value in module.state_dict().items() if "running_" in name]
        self.restart()

    def restart(self) -> "Layers":
        self._weights: Iterator[Tensor] = iter(self.weights)
        self._statistics: Iterator[Tensor] = iter(self.statistics)
        return self

    def weight(self) -> Tensor:
        return next(self._weights)

    def linear(self, z: Tensor, *, bias: bool = True) -> Tensor:
        return functional.linear(z, self.weight(), self.weight() if bias else None)

    def conv(self, x: Tensor, *, bias: bool = True, **how: Any) -> Tensor:
        return functional.conv2d(x, self.weight(), self.weight() if bias else None, **how)

    def norm(self, z: Tensor) -> Tensor:
        mean, variance = next(self._statistics).clone(), next(self._statistics).clone()
        return functional.batch_norm(z, mean, variance, self.weight(), self.weight(), self.training)


def copy_state(source: nn.Module, target: nn.Module) -> None:
    """Copy weights and statistics between modules that have them in the same order."""
    with torch.no_grad():
        for value, other in zip(source.state_dict().values(), target.state_dict().values(), strict=True):
            other.copy_(value.reshape(other.shape))


def assert_same(ours: nn.Module, reference: nn.Module | Callable[..., Tensor], x: Tensor, **options: Any) -> None:
    """Assert equal outputs and gradients, of the input and of every parameter, for equal weights.

    `reference` is a module with its parameters in the same order, or a formula `reference(layers, x, **options)`.
    """
    if isinstance(reference, nn.Module):
        reference = reference.to(x.dtype).train(ours.training)
        copy_state(ours, reference)
        assert_equal_results(ours, reference, list(zip(ours.parameters(), reference.parameters(), strict=True)), x)
    else:
        layers = Layers(ours)
        pairs = list(zip(ours.parameters(), layers.weights, strict=True))
        assert_equal_results(ours, lambda x: reference(layers.restart(), x, **options), pairs, x)


def assert_equal_results(
    ours: nn.Module, theirs: Callable[[Tensor], Tensor], pairs: list[tuple[Tensor, Tensor]], x: Tensor
) -> None:
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    outputs, gradients = [], []
    for side, function in enumerate((ours, theirs)):
        tensors = [x.clone().requires_grad_(), *(pair[side] for pair in pairs)]
        outputs.append(function(tensors[0]))
        gradients.append(torch.autograd.grad((outputs[-1] * weight).sum(), tensors))
    tolerance = 1e-10 if x.dtype == torch.float64 else 1e-5
    torch.testing.assert_close(outputs[0], outputs[1], rtol=tolerance, atol=tolerance)
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other.reshape(mine.shape), rtol=10 * tolerance, atol=10 * tolerance)


def parameters(module: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


class Twist(nn.Module):
    """A function that commutes with nothing around it: neither a ReLU, nor a norm, nor a sum."""

    def __init__(self, amount: float) -> None:
        super().__init__()
        self.amount = amount

    def forward(self, x: Tensor) -> Tensor:
        return (x * (1 + self.amount)).sin() + self.amount


def recorded_inputs(network: Network, x: Tensor) -> dict[str, Tensor]:
    """The input of every slot, in the order of the data."""
    inputs: dict[str, Tensor] = {}
    for name, slot in network.slots().items():
        slot.module.register_forward_hook(lambda module, args, output, name=name: inputs.update({name: args[0]}))
    network(x)
    return inputs
