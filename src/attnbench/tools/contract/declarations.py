"""What the file of every attention module has to declare, and that reading its source gives what Python sees."""

import inspect
import re
from importlib import import_module
from types import ModuleType

from pydantic import TypeAdapter, ValidationError

from attnbench import networks
from attnbench.networks import Attention
from attnbench.study import attention, module_files
from attnbench.study.options import Size
from attnbench.tools.contract.configurations import CHANNELS, SIZE
from attnbench.tools.contract.require import require

_LABELS = ("Source", "Parameters", "Differs from")


def is_filled_in(name: str) -> None:
    """Is filled in: nothing is left of what `attnbench new` marks."""
    lines = attention.path(name).read_text(encoding="utf-8").splitlines()
    left = [str(number) for number, line in enumerate(lines, start=1) if module_files.FILL_IN in line]
    require(not left, f"still says {module_files.FILL_IN!r} in line {', '.join(left)}; write there what it asks for")


def has_a_header(name: str) -> None:
    """Has a header: a sentence, the formula, `Source:`, `Parameters:` and `Differs from:`."""
    header = module_files.header(attention.path(name))
    first = header.partition("\n")[0]
    require(first.endswith("."), f"the first line of its docstring is {first!r}; write one sentence with a full stop")
    missing = [f"`{label}: ...`" for label in _LABELS if not re.search(rf"^{label}: \S", header, re.MULTILINE)]
    require(not missing, f"its docstring lacks a line {' and '.join(missing)}; `attnbench modules se` shows one")


def names_its_paper(name: str) -> None:
    """Names its paper in full: authors, title, year, and an arXiv number, doi or address."""
    paper = attention.paper(name)
    require(paper == _module(name).PAPER, "PAPER is changed after its literal")
    form = "write `authors: title. Venue, year. arXiv:NNNN.NNNNN`, or with doi:... or https://..."
    require(re.search(r"(19|20)\d\d", paper), f"PAPER has no year: {paper!r}; {form}")
    require(
        re.search(r"arXiv:\d{4}\.\d{5}|doi|https://", paper),
        f"PAPER has no arXiv number, doi or address: {paper!r}; {form}",
    )


def declares_its_options(name: str) -> None:
    """Declares its options, each with a type that allows its default."""
    options = list(attention.options(name).values())
    expected = [parameter for parameter in _keyword_only(name) if parameter.name != module_files.SIZE]
    read = [(option.name, option.default, option.type) for option in options]
    seen = [(parameter.name, parameter.default, parameter.annotation) for parameter in expected]
    require(read == seen, f"its source declares the options {read}, and Python sees {seen}; write literals and types")
    for option in options:
        try:
            TypeAdapter(option.type).validate_python(option.default, strict=True)
        except ValidationError as error:
            reason = error.errors()[0]["msg"]
            require(False, f"the default {option.default!r} of `{option.name}` is not of its type: {reason}")


def takes_its_size_from_the_slot(name: str) -> None:
    """Takes the size of the maps from its slot, if it needs it."""
    sizes = [parameter for parameter in _keyword_only(name) if parameter.name == module_files.SIZE]
    require(
        all(parameter.default is parameter.empty and parameter.annotation == Size for parameter in sizes),
        "`size` must be `size: Size` without a default: the slot supplies it",
    )
    require(bool(sizes) == module_files.needs_size(attention.path(name)), "`size` is not a keyword of `__init__`")


def refuses_other_options(name: str) -> None:
    """Refuses an unknown option, and a window without a centre."""
    options = {"colour": ("red", TypeError, "colour"), "kernel_size": (4, ValueError, "4 is even; allowed: odd")}
    for option, (value, kind, text) in options.items():
        if option == "kernel_size" and option not in attention.options(name):
            continue
        try:
            networks.build_attention(name, CHANNELS, SIZE, {option: value})
        except kind as error:
            require(text in str(error), f"refuses `{option}: {value}` with another reason: {error}")
        else:
            require(False, f"takes `{option}: {value}`; call `attnbench.study.options.odd`, or remove `**kwargs`")


def _module(name: str) -> ModuleType:
    return import_module(name if "." in name else f"attnbench.networks.attention.{name}")


def _keyword_only(name: str) -> list[inspect.Parameter]:
    kind: type[Attention] = getattr(_module(name), module_files.class_name(attention.path(name)))
    return [
        parameter
        for parameter in inspect.signature(kind).parameters.values()
        if parameter.kind is parameter.KEYWORD_ONLY
    ]


CHECKS = (
    is_filled_in,
    has_a_header,
    names_its_paper,
    declares_its_options,
    takes_its_size_from_the_slot,
    refuses_other_options,
)
