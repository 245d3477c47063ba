"""Every flavour of every attention module: its defaults, each option changed alone, and all changed together.

The flavours follow from the options that a module's file declares, so a new module is tested once its file exists.
"""

from dataclasses import dataclass, field
from typing import Any, get_args

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from attnbench import attention, families
from attnbench.attention._contract import Attention


@dataclass(frozen=True)
class Flavour:
    """A module with some of its options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def build(self, channels: int = 64, seed: int = 0) -> Attention:
        torch.manual_seed(seed)
        module: Attention = attention.load(self.name).build(channels, **self.options)
        return module

    def trained(self, channels: int = 64, seed: int = 0) -> Attention:
        """The module after one step of Adam: norms that start with weight 0 do not hide what is before."""
        module = self.build(channels, seed).train()
        torch.manual_seed(seed + 1)
        optimizer = torch.optim.Adam(module.parameters(), lr=0.02)
        x = features(channels, seed)
        (module(x) * torch.randn_like(x)).sum().backward()
        optimizer.step()
        optimizer.zero_grad()
        return module


def flavours(name: str) -> list[Flavour]:
    changed = {option.name: alternative(option) for option in attention.options(name).values()}
    alone = [Flavour(name, {key: value}) for key, value in changed.items()]
    return [Flavour(name), *alone, *([Flavour(name, changed)] if len(changed) > 1 else [])]


def alternative(option: families.Option) -> Any:
    """A value that the option allows and that is not its default."""
    for value in (not option.default, *get_args(option.type), 5, 0.5):
        try:
            TypeAdapter(option.type).validate_python(value, strict=True)
        except ValidationError:
            continue
        if value is not None and value != option.default:
            return value
    raise AssertionError(f"no second value for {option}; teach this function one")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "flavour" in metafunc.fixturenames:
        every = [flavour for name in attention.names() for flavour in flavours(name)]
        metafunc.parametrize("flavour", every, ids=str)
    if "family" in metafunc.fixturenames:
        metafunc.parametrize("family", attention.names())


def features(channels: int = 64, seed: int = 0) -> Tensor:
    """Feature maps (4, c, 6, 5) as a network has them behind a ReLU: many zeros, none negative.

    Channels of very different size in every image: with equal ones a bottleneck of few units is dead for all images
    or for none, and a test would say more of its seed than of the module.
    """
    generator = torch.Generator().manual_seed(seed)
    size = torch.randn(4, channels, 1, 1, generator=generator).mul(1.5).exp()
    return torch.randn(4, channels, 6, 5, generator=generator).relu() * size


@pytest.fixture
def x() -> Tensor:
    return features()
