"""An attention module in every configuration: its defaults, each other value of an option, and all changed together.

The configurations follow from the options that a module declares, so a new module is checked once its file exists.
"""

import copy
import re
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from typing import Any, Literal, get_args, get_origin

import torch
from pydantic import TypeAdapter, ValidationError
from torch import Tensor

from attnbench import networks
from attnbench.networks import Attention, Gate
from attnbench.study import attention
from attnbench.study.module_files import Option
from attnbench.study.options import Size

CHANNELS = 64
SIZE = (6, 5)  # height and width of the maps; unequal, so that a swap shows
Form = Literal["gate", "pair", "other"]
_CANDIDATES = (5, 3, 2, 0.5, 0.25)  # values to try for an option that lists none
_UNBOUNDED = ("tanh", "relu", "none")  # activations whose gates leave 0..1


@dataclass(frozen=True)
class Configuration:
    """A module with some of its options, for maps of one size where its weights depend on it."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return ",".join([self.name, *(f"{key}={value}" for key, value in self.options.items())])

    def build(self, channels: int = CHANNELS, seed: int = 0, size: Size = SIZE) -> Attention:
        """Return the module with the weights of a seed."""
        torch.manual_seed(seed)
        module: Attention = networks.build_attention(self.name, channels, size, self.options)
        return module

    def takes(self, channels: int) -> bool:
        """Return whether the module can have this width; it may refuse one if it says which are allowed."""
        try:
            self.build(channels)
        except ValueError as error:
            if not re.match(rf"{channels} channels .*; allowed: ", str(error)):
                raise
            return False
        return True

    def trained(self, channels: int = CHANNELS, seed: int = 0, size: Size = SIZE) -> Attention:
        """Return a module after one step: a norm that starts with weight 0 then hides nothing that precedes it."""
        return copy.deepcopy(_trained(self.name, tuple(self.options.items()), channels, seed, size))

    @property
    def leaves_the_range(self) -> bool:
        """Whether gates below 0 or above 1 are allowed."""
        declared = attention.options(self.name)
        defaults = {key: declared[key].default for key in ("activation", "bounded") if key in declared}
        values = defaults | self.options
        return values.get("bounded") is False or values.get("activation") in _UNBOUNDED

    @property
    def form(self) -> Form:
        """Whether the module is a single gate, the product of a pair of gates, or neither.

        A pair consists of gates, as CBAM does, or is a gate (n, c, h, w) that replaces the means in `maps` in order to
        show its two factors.
        """
        module = self.build()
        if isinstance(module, Gate):
            x = features()
            shows_factors = type(module).maps is not Gate.maps and module.gate(x).shape == x.shape
            return "pair" if shows_factors else "gate"
        parts = list(module.children())
        return "pair" if parts and all(isinstance(part, Gate) for part in parts) else "other"


def features(channels: int = CHANNELS, seed: int = 0, size: Size = SIZE) -> Tensor:
    """Return feature maps (4, c, h, w) as a network has them after a ReLU: many zeros, none negative.

    The channels differ widely in scale in every image. With equal scales, a bottleneck of few units is dead for all
    images or for none, and a check would depend on its seed more than on the module.
    """
    generator = torch.Generator().manual_seed(seed)
    scale = torch.randn(4, channels, 1, 1, generator=generator).mul(1.5).exp()
    return torch.randn(4, channels, *size, generator=generator).relu() * scale


def configurations(name: str) -> list[Configuration]:
    """Return the configurations of a module, its defaults first."""
    others = {option.name: _other_values(name, option) for option in attention.options(name).values()}
    single = [Configuration(name, {key: value}) for key, values in others.items() for value in values]
    together = {key: values[0] for key, values in others.items() if values}
    return [Configuration(name), *single, *([Configuration(name, together)] if len(together) > 1 else [])]


@cache  # a step takes as long as a check
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


def _other_values(name: str, option: Option) -> list[Any]:
    """Return all other values of an option that lists them, or else one that the module takes, if one is known."""
    listed = _literals(option.type)
    values = [value for value in listed or (not option.default, *_CANDIDATES) if _is_allowed(option, value)]
    if listed:
        return values
    taken = (value for value in values if _is_taken(Configuration(name, {option.name: value})))
    return list(islice(taken, 1)) or values[:1]


def _is_taken(case: Configuration) -> bool:
    """Whether a module can be built: a number of groups, say, may have to divide the channels."""
    try:
        case.build()
    except Exception:  # noqa: BLE001 -- whatever a user's module raises; if it takes no value, a check says why
        return False
    return True


def _literals(type_: Any) -> tuple[Any, ...]:
    """Return the values that a type lists; `Literal[2, 4] | None` lists 2 and 4."""
    if get_origin(type_) is Literal:
        return get_args(type_)
    return next((get_args(part) for part in get_args(type_) if get_origin(part) is Literal), ())


def _is_allowed(option: Option, value: Any) -> bool:
    try:
        TypeAdapter(option.type).validate_python(value, strict=True)
    except ValidationError:
        return False
    return bool(value != option.default)
