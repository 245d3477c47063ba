"""Checks of each variant's attention module and its options."""

from collections.abc import Iterator
from typing import Any

from attnbench.errors import UserError
from attnbench.study import attention, disabled_options, module_files
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, misplaced, options, unknown
from attnbench.study.paths import relative_to_cwd
from attnbench.study.pydantic_errors import shown_value
from attnbench.study.schema import Variant

_LONGEST = 200  # characters of a module's name, which is also that of a file
_IN_SLOTS = ("options", "site", "stages", "blocks", "start")


def check(values: dict[str, Any]) -> Iterator[Finding]:
    """Find attention modules and options that do not exist."""
    for label, variant in mapping(values.get("variants")).items():
        name, at = mapping(variant).get("attention"), ("variants", label)
        if name == attention.NONE:
            yield from _unused(variant, at)
        elif isinstance(name, str):
            yield from _module(variant, name, at)
        elif "attention" in mapping(variant):
            yield (*at, "attention"), unknown(name, "attention module", [attention.NONE, *attention.names()])


def _unused(variant: dict[str, Any], at: Location) -> Iterator[Finding]:
    for key in _IN_SLOTS:
        if key in variant:
            yield (
                (*at, key),
                f"has no effect with `attention: {attention.NONE}`; remove it, or name an attention module",
            )


def _module(variant: dict[str, Any], name: str, at: Location) -> Iterator[Finding]:
    problem = _name_problem(name) or _file_problem(name)
    if problem:
        yield (*at, "attention"), problem
        return
    file, allowed = relative_to_cwd(attention.path(name)), attention.options(name)
    if module_files.FILL_IN in attention.paper(name):
        yield (
            (*at, "attention"),
            f"PAPER in {file} still says {module_files.FILL_IN!r}; write the reference of the module there",
        )
    yield from misplaced(variant, at, Variant.model_fields, name, allowed)
    values, below = mapping(variant.get("options")), (*at, "options")
    yield from options(values, below, name, allowed, file)
    for option, _, text in disabled_options.find(disabled_options.MODULES.get(name, {}), values, allowed):
        yield (*below, option), f"{text}; remove it"


def _name_problem(name: str) -> str | None:
    """Return why a name leads to no module file, or None."""
    names = attention.names()
    if len(name) > _LONGEST:
        return f"given {shown_value(name)}; must be at most {_LONGEST} characters long"
    if name.endswith(".py"):
        return f"given {name!r}; write the name without `.py`: {name.removesuffix('.py')!r}"
    if "." not in name and name not in names:
        return f"{unknown(name, 'attention module', [attention.NONE, *names])}, or `package.module`"
    if name.startswith("attnbench."):
        return f"given {name!r}; modules of attnbench itself are named without dots: {name.rpartition('.')[2]!r}"
    try:
        attention.path(name)
    except UserError as error:
        return f"given {name!r}: {error}"
    return None


def _file_problem(name: str) -> str | None:
    """Return why a module file cannot be read, or None."""
    path = attention.path(name)
    try:
        attention.options(name)
        attention.paper(name)
    except SyntaxError as error:
        return f"{relative_to_cwd(path)}:{error.lineno}: not valid Python: {error.msg}"
    except (TypeError, ValueError) as error:
        return f"{relative_to_cwd(path)} is not a valid module file: {str(error).removeprefix(f'{path}: ')}"
    return None
