"""Disabled options are refused, and the table of them agrees with the modules themselves."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import torch
from pydantic import TypeAdapter, ValidationError
from torch import nn

from attnbench import study
from attnbench.networks import build_attention
from attnbench.study import attention, backbones, disabled_options, module_files

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another

CHANNELS, SIZE = 32, (6, 5)
NUMBERS = (1, 2, 3, 5, 40, 0.25, 1.5)  # tried for numeric options


@pytest.mark.parametrize(
    ("module", "options", "message"),
    [
        (
            "sam",
            "{norm: false, norm_weight: 1.0}",
            r"13:28: .*\.norm_weight: given 1\.0; .* `norm: false`, only with true",
        ),
        ("cbam", "{norm_weight: 0.0, norm: false}", r"norm_weight: given 0\.0; has no effect with `norm: false`"),
        (
            "gather_excite",
            "{flavour: theta_minus, reduction: 8}",
            "`flavour: theta_minus`, only with theta_plus; remove",
        ),
        (
            "eca",
            "{gamma: 1.0}",
            "options.gamma: given 1.0; has no effect with `kernel_size: 3`, the default, only with ad",
        ),
        (
            "gather_excite",
            "{bias: false}",
            "options.bias: given false; .* `flavour: theta`, the default, only with theta_p",
        ),
    ],
)
def test_a_disabled_option_of_a_module_is_refused(write: Write, module: str, options: str, message: str) -> None:
    text = refusal(write("attention: se", f"attention: {module}\n    options: {options}"))
    assert "\n" not in text
    assert re.search(message, text), text


@pytest.mark.parametrize(
    ("module", "options"),
    [
        ("sam", "{norm: true, norm_weight: 1.0}"),
        ("sam", "{norm_weight: 1.0}"),
        ("cbam", "{norm: false, kernel_size: 3}"),
        ("gather_excite", "{flavour: theta_plus, reduction: 8, bias: false}"),
    ],
)
def test_an_enabled_option_of_a_module_is_accepted(write: Write, module: str, options: str) -> None:
    assert study.load(write("attention: se", f"attention: {module}\n    options: {options}"))


@pytest.mark.parametrize(
    ("common", "own", "message"),
    [
        (
            "{stride_in: 1x1}",
            "{}",
            r"8:13: backbone\.options\.stride_in: given '1x1'; .* `depth: 18`, the default, only",
        ),
        (
            "{depth: 34, stride_in: 3x3}",
            "{}",
            r"8:24: .* no effect with `depth: 34`, only with 50, 101, 152; remove it$",
        ),
        (
            "{depth: 18}",
            "{stride_in: 1x1}",
            r"14:16: variants\.se\.backbone\.stride_in: given .*`depth: 18`, only .* it$",
        ),
        (
            "{depth: 50, stride_in: 1x1}",
            "{depth: 18}",
            r"14:16: .*\.depth: `stride_in` of the study's .*; move it to the va",
        ),
        ("{depth: 18}", "{depth: 50, stride_in: 1x1}", None),
        ("{depth: 101, stride_in: 1x1}", "{depth: 152}", None),
        ("{depth: 18}", "{}", None),
    ],
)
def test_a_disabled_option_of_a_backbone_is_refused(
    tmp_path: Path, valid: str, common: str, own: str, message: str | None
) -> None:
    path = tmp_path / "params.yaml"
    network = valid.replace("name: cnn", f"name: resnet\n  options: {common}")
    path.write_text(network.replace("site: before_pool", f"backbone: {own}\n    site: standard"))
    if message is None:
        assert study.load(path)
    else:
        text = refusal(path)
        assert "\n" not in text
        assert re.search(message, text), text


def selectors(option: module_files.Option) -> tuple[Any, ...]:
    """Return the values of a boolean or `Literal` option; of a union with a `Literal`, its values and the default."""
    if option.type is bool:
        return (True, False)
    if get_origin(option.type) is Literal:
        return get_args(option.type)
    listed = [value for part in get_args(option.type) if get_origin(part) is Literal for value in get_args(part)]
    return (*listed, option.default) if listed else ()


def others(option: module_files.Option) -> Iterator[Any]:
    """Yield values of an option other than its default."""
    for value in selectors(option) or NUMBERS:
        try:
            TypeAdapter(option.type).validate_python(value, strict=True)
        except ValidationError:
            continue
        if value != option.default:
            yield value


Outcome = tuple[torch.Tensor, ...]


@cache
def outcome(name: str, **options: Any) -> Outcome:
    """Return a module's initial weights; with random weights, its output and its statistics in training."""
    torch.manual_seed(0)
    module: nn.Module = build_attention(name, CHANNELS, SIZE, options).double()
    start = [tensor.clone() for tensor in module.state_dict().values()]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((2, CHANNELS, *SIZE), generator=generator, dtype=torch.double)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.double) * 0.1 + 0.1)
        return (*start, module(x), *module.buffers())


def same(one: Outcome, other: Outcome) -> bool:
    shapes = [tensor.shape for tensor in one] == [tensor.shape for tensor in other]
    return shapes and all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def enabling_values(name: str, option: module_files.Option, other: module_files.Option) -> set[Any]:
    """Return the values of `other` with which a value of `option` changes something, if with others none does."""
    defaults = {value: outcome(name, **{other.name: value}) for value in selectors(other)}
    enabling = {
        value
        for value, default in defaults.items()
        if any(
            not same(default, outcome(name, **{other.name: value, option.name: choice})) for choice in others(option)
        )
    }
    return enabling if len(enabling) < len(defaults) else set()


@pytest.mark.parametrize("name", attention.names())
def test_the_table_lists_exactly_the_disabled_options(name: str) -> None:
    options = attention.options(name).values()
    pairs = [(option, other) for option in options for other in options if option is not other]
    measured = {(option.name, other.name): enabling_values(name, option, other) for option, other in pairs}
    outcome.cache_clear()
    rules = disabled_options.MODULES.get(name, {})
    assert {pair: values for pair, values in measured.items() if values} == {
        (option, other): set(values) for option, (other, values) in rules.items()
    }


def test_the_table_names_existing_modules_and_options() -> None:
    assert set(disabled_options.MODULES) <= set(attention.names())
    for name, rules in disabled_options.BACKBONES.items():
        options = backbones.options(name)
        for option, (other, values) in rules.items():
            assert option in options
            assert set(values) < set(selectors(options[other]))
