"""What the files of modules and backbones declare, and that reading their source gives what Python sees."""

import inspect
import re
import subprocess
import sys
from importlib import import_module
from types import ModuleType

import pytest
from networks.configurations import is_filled_in
from networks.reference import attention as build
from pydantic import TypeAdapter

from attnbench.networks import Attention, Gate, Network
from attnbench.study import attention, backbones, module_files
from attnbench.study.options import Size


def module_of(name: str) -> ModuleType:
    return import_module(name if "." in name else f"attnbench.networks.attention.{name}")


def class_of(name: str) -> type[Attention]:
    kind: type[Attention] = getattr(module_of(name), module_files.class_name(attention.path(name)))
    return kind


def keyword_only(kind: type) -> list[inspect.Parameter]:
    return [p for p in inspect.signature(kind).parameters.values() if p.kind is p.KEYWORD_ONLY]


def test_nothing_is_left_to_fill_in(module_name: str) -> None:
    assert is_filled_in(module_name), f"{attention.path(module_name)} still has lines with {module_files.FILL_IN!r}"


def test_the_header_says_source_parameters_and_differences(module_name: str) -> None:
    text = module_of(module_name).__doc__
    assert text
    for part in ("Source:", "Parameters:", "Differs from:"):
        assert re.search(rf"^{part} \S", text, re.MULTILINE), part
    assert text.splitlines()[0].endswith(".")


def test_the_paper_is_a_full_reference(module_name: str) -> None:
    paper = attention.paper(module_name)
    assert paper == module_of(module_name).PAPER
    assert re.search(r"(19|20)\d\d", paper), f"PAPER has no year: {paper!r}"
    assert re.search(r"arXiv:\d{4}\.\d{5}|doi|https://", paper), f"PAPER has no arXiv number, doi or address: {paper!r}"


def test_options_read_from_the_source_are_those_of_the_class(module_name: str) -> None:
    options = list(attention.options(module_name).values())
    expected = [parameter for parameter in keyword_only(class_of(module_name)) if parameter.name != module_files.SIZE]
    assert [(option.name, option.default, option.type) for option in options] == [
        (parameter.name, parameter.default, parameter.annotation) for parameter in expected
    ]
    for option in options:
        TypeAdapter(option.type).validate_python(option.default, strict=True)


def test_a_size_has_no_default(module_name: str) -> None:
    sizes = [parameter for parameter in keyword_only(class_of(module_name)) if parameter.name == module_files.SIZE]
    assert all(p.default is p.empty and p.annotation == Size for p in sizes)
    assert bool(sizes) == module_files.needs_size(attention.path(module_name))


def test_an_unknown_option_is_refused(module_name: str) -> None:
    with pytest.raises(TypeError, match="colour"):
        build(module_name, 64, colour="red")


def test_a_window_must_have_a_centre(module_name: str) -> None:
    if "kernel_size" in attention.options(module_name):
        with pytest.raises(ValueError, match="4 is even; allowed: odd numbers, such as 5"):
            build(module_name, 64, kernel_size=4)


@pytest.mark.parametrize("name", backbones.names())
def test_declarations_of_a_backbone_are_pythons(name: str) -> None:
    module = import_module(f"attnbench.networks.backbones.{name}")
    backbone = getattr(module, module_files.class_name(backbones.path(name)))
    assert issubclass(backbone, Network)
    assert (backbones.paper(name), backbones.sites(name)) == (module.PAPER, module.SITES)
    assert [(option.name, option.default, option.type) for option in backbones.options(name).values()] == [
        (p.name, p.default, p.annotation) for p in keyword_only(backbone)
    ]
    assert "Parameters:" in module.__doc__


def test_the_folders_are_the_lists() -> None:
    assert {"se", "eca", "cam", "sam", "cbam"} <= set(attention.names())
    assert attention.NONE not in attention.names()
    assert backbones.names() == ["cnn", "mobilenet_v2", "resnet", "resnet_cifar"]
    assert not [name for name in (*attention.names(), *backbones.names()) if name.startswith("_")]


def test_base_classes_are_abstract() -> None:
    for base in (Attention, Gate):
        with pytest.raises(TypeError, match="abstract"):
            base()


def test_names_options_and_papers_need_no_torch() -> None:
    code = (
        "import sys\n"
        "from attnbench.study import attention, backbones\n"
        "for package in (attention, backbones):\n"
        "    for name in package.names():\n"
        "        assert package.options(name) is not None and package.paper(name)\n"
        "assert backbones.sites('cnn') and backbones.blocks('cnn', {})\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
