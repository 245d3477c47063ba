"""Options without effect are refused, and the table of them is held against the modules themselves."""

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
from attnbench.study import attention, backbones, module_files
from attnbench.study import disabled_options as idle

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another

CHANNELS, SIZE = 32, (6, 5)
TRIED = (1, 2, 3, 5, 40, 0.25, 1.5)  # for options that are numbers


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
            "gather_excite",
            "{bias: false}",
            "options.bias: given false; .* `flavour: theta`, the default, only with theta_p",
        ),
    ],
)
def test_an_option_of_a_module_without_effect(write: Write, module: str, options: str, message: str) -> None:
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
def test_an_option_of_a_module_with_effect(write: Write, module: str, options: str) -> None:
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
def test_an_option_of_a_backbone_without_effect(
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
    """Return the values of an option that has few of them."""
    return (True, False) if option.type is bool else get_args(option.type) if get_origin(option.type) is Literal else ()


def others(option: module_files.Option) -> Iterator[Any]:
    """Yield values of an option that are not its default."""
    for value in selectors(option) or (*TRIED, *get_args(option.type)):
        try:
            TypeAdapter(option.type).validate_python(value, strict=True)
        except ValidationError:
            continue
        if value != option.default:
            yield value


Outcome = tuple[torch.Tensor, ...]


@cache
def outcome(name: str, **options: Any) -> Outcome:
    """Return the weights a module starts with, and its output with weights that are all at work."""
    torch.manual_seed(0)
    module: nn.Module = attention.build(name, CHANNELS, SIZE, options).double()
    start = [tensor.clone() for tensor in module.state_dict().values()]
    generator = torch.Generator().manual_seed(1)
    x = torch.randn((2, CHANNELS, *SIZE), generator=generator, dtype=torch.double)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.double) * 0.1 + 0.1)
        return (*start, module(x))


def same(one: Outcome, other: Outcome) -> bool:
    shapes = [tensor.shape for tensor in one] == [tensor.shape for tensor in other]
    return shapes and all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def idle_values(name: str, option: module_files.Option, other: module_files.Option) -> set[Any]:
    """Return the values of `other` beside which no value of `option` changes anything, if beside others one does."""
    beside = {value: outcome(name, **{other.name: value}) for value in selectors(other)}
    found = {
        value
        for value, plain in beside.items()
        if all(same(plain, outcome(name, **{other.name: value, option.name: each})) for each in others(option))
    }
    return found if len(found) < len(beside) else set()


@pytest.mark.parametrize("name", attention.names())
def test_the_table_holds_what_is_without_effect_and_nothing_else(name: str) -> None:
    options = attention.options(name).values()
    pairs = [(option, other) for option in options for other in options if option is not other]
    found = {(option.name, other.name): idle_values(name, option, other) for option, other in pairs}
    outcome.cache_clear()
    told = {(option, other): set(values) for option, (other, values) in idle.MODULES.get(name, {}).items()}
    assert {pair: values for pair, values in found.items() if values} == told


def test_the_table_names_families_and_options_that_there_are() -> None:
    assert set(idle.MODULES) <= set(attention.names())
    for name, rules in idle.BACKBONES.items():
        options = backbones.options(name)
        for option, (other, values) in rules.items():
            assert option in options
            assert set(values) < set(selectors(options[other]))
