"""What every family file says of itself, and that what is read from the source is what Python sees."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import TypeAdapter

from attnbench.networks import gates as _contract
from attnbench.study import attention, module_files
from attnbench.study import options as option_types

SIZE = (6, 5)


def keyword_only(function: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(function).parameters.values()
    return [parameter for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]


def test_the_folder_is_the_list() -> None:
    assert attention.names() == sorted(attention.names())
    assert {"se", "eca", "cam", "sam", "cbam"} <= set(attention.names())
    assert attention.NONE not in attention.names()
    assert not [name for name in attention.names() if name.startswith("_")]


def test_the_header_says_source_parameters_and_differences(family: str) -> None:
    text = attention.load(family).__doc__
    assert text
    for part in ("Source:", "Parameters:", "Differs from:"):
        assert re.search(rf"^{part} \S", text, re.MULTILINE), part
    assert text.splitlines()[0].endswith(".")


def test_the_paper_is_a_full_reference(family: str) -> None:
    paper = attention.paper(family)
    assert paper == attention.load(family).PAPER
    assert re.search(r"(19|20)\d\d", paper)
    assert re.search(r"arXiv:\d{4}\.\d{5}|doi|https://", paper)


def test_options_read_from_the_source_are_those_of_build(family: str) -> None:
    found = list(attention.options(family).values())
    seen = [
        parameter for parameter in keyword_only(attention.load(family).build) if parameter.name != module_files.SIZE
    ]
    assert [(option.name, option.default, option.type) for option in found] == [
        (parameter.name, parameter.default, parameter.annotation) for parameter in seen
    ]
    for option in found:
        TypeAdapter(option.type).validate_python(option.default, strict=True)


def test_parameter_count_takes_the_options_of_build(family: str) -> None:
    module = attention.load(family)
    assert keyword_only(module.parameter_count) == keyword_only(module.build)
    for function in (module.build, module.parameter_count):
        assert next(iter(inspect.signature(function).parameters)) == "channels"
        assert not [p for p in inspect.signature(function).parameters.values() if p.kind is p.VAR_KEYWORD]


def test_an_unknown_option_is_refused(family: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        attention.build(family, 64, SIZE, {"colour": "red"})


def test_a_size_has_no_default(family: str) -> None:
    for function in (attention.load(family).build, attention.load(family).parameter_count):
        found = [parameter for parameter in keyword_only(function) if parameter.name == module_files.SIZE]
        assert all(p.default is p.empty and p.annotation == option_types.Size for p in found)
        assert bool(found) == module_files.needs_size(attention.path(family))


def test_a_window_has_to_have_a_middle(family: str) -> None:
    if "kernel_size" in attention.options(family):
        with pytest.raises(ValueError, match="4 is even; allowed: odd numbers, such as 5"):
            attention.build(family, 64, SIZE, {"kernel_size": 4})


def test_the_contract_cannot_be_built_half() -> None:
    for base in (_contract.Attention, _contract.Gate):
        with pytest.raises(TypeError, match="abstract"):
            base()


def test_names_options_and_papers_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from attnbench import attention, backbones, families\n"
        "for package in (attention, backbones):\n"
        "    for name in package.names():\n"
        "        assert package.options(name) is not None and package.paper(name)\n"
        "assert backbones.sites('cnn') and backbones.blocks('cnn', {})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
