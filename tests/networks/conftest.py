"""Every flavour of every attention module: its defaults, each other value of an option alone, and all changed together.

The flavours follow from the options that a module's file declares, so a new module is tested once its file exists.
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from attnbench.study.options import Size
from pydantic import TypeAdapter, ValidationError
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from attnbench import cost
from attnbench.networks import build as placement
from attnbench.networks.gates import Attention, Gate
from attnbench.study import attention, module_files
from attnbench.study.schema import Backbone, Variant
from attnbench.tools import new as scaffold

SIZE = (6, 5)


@dataclass(frozen=True)
class Flavour:
    """A module with some of its options, for maps of one size where its weights depend on it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def build(self, channels: int = 64, seed: int = 0, size: Size = SIZE) -> Attention:
        torch.manual_seed(seed)
        module: Attention = attention.build(self.name, channels, size, self.options)
        return module

    def parameter_count(self, channels: int = 64, size: Size = SIZE) -> int:
        return attention.parameter_count(self.name, channels, size, self.options)

    def trained(self, channels: int = 64, seed: int = 0, size: Size = SIZE) -> Attention:
        """A module after one step: norms that start with weight 0 do not hide what is before."""
        return copy.deepcopy(trained(self.name, tuple(self.options.items()), channels, seed, size))

    @property
    def leaves_the_range(self) -> bool:
        """Whether the gate may be below 0 or above 1, by choice of its activation."""
        return self.options.get("activation") in ("tanh", "relu")


@cache  # a step costs as much as a test
def trained(name: str, options: tuple[tuple[str, Any], ...], channels: int, seed: int, size: Size) -> Attention:
    module = Flavour(name, dict(options)).build(channels, seed, size).train()
    torch.manual_seed(seed + 1)
    x = features(channels, seed, size).requires_grad_()
    (module(x) * torch.randn_like(x)).sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.02 * parameter.grad.sign())  # Adam's first step
                parameter.grad = None
    return module


def flavours(name: str) -> list[Flavour]:
    others = {option.name: alternatives(option) for option in attention.options(name).values()}
    alone = [Flavour(name, {key: value}) for key, values in others.items() for value in values]
    together = {key: values[0] for key, values in others.items()}
    return [Flavour(name), *alone, *([Flavour(name, together)] if len(others) > 1 else [])]


def alternatives(option: module_files.Option) -> list[Any]:
    """All other values of an option that lists its values, else one that is allowed and not the default."""
    listed = literals(option.type)
    values = [value for value in listed or (not option.default, 5, 0.5) if allowed(option, value)]
    if not values:
        raise AssertionError(f"no second value for {option}; teach this function one")
    return values if listed else values[:1]


def literals(type_: Any) -> tuple[Any, ...]:
    """The values that a type lists; `Literal[2, 4] | None` lists 2 and 4."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    return next((get_args(part) for part in get_args(type_) if get_origin(part) is Literal), ())


def allowed(option: module_files.Option, value: Any) -> bool:
    try:
        TypeAdapter(option.type).validate_python(value, strict=True)
    except ValidationError:
        return False
    return bool(value != option.default)


def is_made_of_gates(module: Attention) -> bool:
    """Whether all that sits in a module that is no gate itself are gates, as in CBAM."""
    parts = list(module.children())
    return not isinstance(module, Gate) and bool(parts) and all(isinstance(part, Gate) for part in parts)


KINDS: dict[str, Callable[[Attention], bool]] = {
    "flavour": lambda module: True,
    "gate_flavour": lambda module: isinstance(module, Gate),
    "composed_flavour": is_made_of_gates,
    "other_flavour": lambda module: not isinstance(module, Gate) and not is_made_of_gates(module),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--family", action="append", metavar="NAME", help="only what every module promises, for one or PACKAGE.NAME"
    )


def chosen_families(config: pytest.Config) -> list[str]:
    return config.getoption("family", None) or attention.names()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("family", None):
        items[:] = [item for item in items if {"family", *KINDS} & set(getattr(item, "fixturenames", ()))]
        if any(scaffold.unfilled(attention.path(name)) for name in chosen_families(config)):
            items[:] = [item for item in items if item.path.name == "test_filled.py"]  # all others say the same


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    for fixture in KINDS.keys() & set(metafunc.fixturenames):
        every = [flavour for name in chosen_families(metafunc.config) for flavour in flavours(name)]
        chosen = [flavour for flavour in every if fixture == "flavour" or KINDS[fixture](flavour.build(8))]
        metafunc.parametrize(fixture, chosen, ids=str)
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", chosen_families(metafunc.config))


def features(channels: int = 64, seed: int = 0, size: Size = SIZE) -> Tensor:
    """Feature maps (4, c, h, w) as a network has them behind a ReLU: many zeros, none negative.

    Channels of very different size in every image: with equal ones a bottleneck of few units is dead for all images
    or for none, and a test would say more of its seed than of the module.
    """
    generator = torch.Generator().manual_seed(seed)
    scale = torch.randn(4, channels, 1, 1, generator=generator).mul(1.5).exp()
    return torch.randn(4, channels, *size, generator=generator).relu() * scale


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Weights of modules that a test builds are the same whatever ran before."""
    torch.manual_seed(0)


@pytest.fixture
def x() -> Tensor:
    return features()


@pytest.fixture
def jolted() -> Callable[[nn.Module], nn.Module]:
    """Return a function: a module in float64 with random weights everywhere, biases and norms too."""
    return jolt


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


@pytest.fixture
def assert_same() -> Callable[..., None]:
    """Return a function: equal outputs, gradients of the input, and of each pair (our parameter, theirs)."""
    return compare


def compare(ours: nn.Module, theirs: Callable[[Tensor], Tensor], pairs: list[tuple[Tensor, Tensor]], x: Tensor) -> None:
    weight = torch.randn(x.shape, generator=torch.Generator().manual_seed(2), dtype=x.dtype)
    outputs, gradients = [], []
    for side, function in enumerate((ours, theirs)):
        tensors = [x.clone().requires_grad_(), *(pair[side] for pair in pairs)]
        y = function(tensors[0])
        outputs.append(y)
        gradients.append(torch.autograd.grad((y * weight).sum(), tensors))
    tolerance = 1e-10 if x.dtype == torch.float64 else 1e-5
    torch.testing.assert_close(outputs[0], outputs[1], rtol=tolerance, atol=tolerance)
    for mine, other in zip(*gradients, strict=True):
        torch.testing.assert_close(mine, other.reshape(mine.shape), rtol=10 * tolerance, atol=10 * tolerance)


@pytest.fixture
def counted() -> Callable[..., cost.Counts]:
    """The cost of the cnn with a module in its slots, its multiply-adds being those that torch itself counts."""

    def count(name: str, site: str | None = "after_pool", shape: tuple[int, int, int] = (3, 32, 32), **options: Any):
        variant = Variant(attention=name, site=site, options=options)
        network = placement.build(Backbone(name="cnn"), variant, classes=10, image_shape=shape, seed=0).eval()
        found = cost.count(network, shape)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(torch.zeros(1, *shape))
        assert 2 * found.macs == counter.get_total_flops()
        return found

    return count
