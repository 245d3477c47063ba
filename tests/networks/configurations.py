"""Every attention module in every configuration: its defaults, each other value of an option, and all changed together.

The configurations follow from the options that a module declares, so a new module is tested once its file exists.
"""

import copy
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, get_args, get_origin

import torch
from networks.reference import features
from pydantic import TypeAdapter, ValidationError

from attnbench import networks
from attnbench.networks import Attention
from attnbench.study import attention, module_files
from attnbench.study.options import Size

NULL_CONTROLS = ("constant", "static")  # gates that do not see their input, by design


@dataclass(frozen=True)
class Configuration:
    """A module with some of its options, for maps of one size where its weights depend on it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def build(self, channels: int = 64, seed: int = 0, size: Size = (6, 5)) -> Attention:
        torch.manual_seed(seed)
        return networks.build_attention(self.name, channels, size, self.options)

    def takes(self, channels: int) -> bool:
        """Whether the module can have this width; it may refuse one if it says which are allowed."""
        try:
            self.build(channels)
        except ValueError as error:
            if not re.match(rf"{channels} channels .*; allowed: ", str(error)):
                raise
            return False
        return True

    def trained(self, channels: int = 64, seed: int = 0, size: Size = (6, 5)) -> Attention:
        """A module after one step: a norm that starts with weight 0 then hides nothing that precedes it."""
        return copy.deepcopy(_trained(self.name, tuple(self.options.items()), channels, seed, size))

    @property
    def leaves_the_range(self) -> bool:
        """Whether gates below 0 or above 1 are allowed."""
        unbounded = self.options.get("bounded") is False
        activation = self.options.get("activation", "none" if self.name == "lska" else "sigmoid")
        return unbounded or activation in ("tanh", "relu", "none")


@cache  # a step takes as long as a test
def _trained(name: str, options: tuple[tuple[str, Any], ...], channels: int, seed: int, size: Size) -> Attention:
    module = Configuration(name, dict(options)).build(channels, seed, size).train()
    torch.manual_seed(seed + 1)
    x = features(channels, seed, size).requires_grad_()
    (module(x) * torch.randn_like(x)).sum().backward()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.02 * parameter.grad.sign())  # Adam's first step
                parameter.grad = None
    return module


def configurations(name: str) -> list[Configuration]:
    others = {option.name: other_values(option) for option in attention.options(name).values()}
    single = [Configuration(name, {key: value}) for key, values in others.items() for value in values]
    together = {key: values[0] for key, values in others.items()}
    return [Configuration(name), *single, *([Configuration(name, together)] if len(others) > 1 else [])]


def other_values(option: module_files.Option) -> list[Any]:
    """All other values of an option that lists its values, or else one allowed value that is not the default."""
    listed = literals(option.type)
    values = [value for value in listed or (not option.default, 5, 3, 0.5, 0.25) if is_allowed(option, value)]
    if not values:
        raise AssertionError(f"no second value for {option}; add one to this function")
    return values if listed else values[:1]


def literals(type_: Any) -> tuple[Any, ...]:
    """The values that a type lists; `Literal[2, 4] | None` lists 2 and 4."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    return next((get_args(part) for part in get_args(type_) if get_origin(part) is Literal), ())


def is_allowed(option: module_files.Option, value: Any) -> bool:
    try:
        TypeAdapter(option.type).validate_python(value, strict=True)
    except ValidationError:
        return False
    return bool(value != option.default)


def is_filled_in(name: str) -> bool:
    return module_files.FILL_IN not in attention.path(name).read_text(encoding="utf-8")
