"""Checks of what goes into the slots: the attention module of each variant, and its options."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attnbench.errors import UserError
from attnbench.study import attention, module_files
from attnbench.study import disabled_options as idle
from attnbench.study.document import Location
from attnbench.study.findings import Finding, mapping, misplaced, options, unknown
from attnbench.study.paths import shown
from attnbench.study.schema import Variant

_IN_SLOTS = ("options", "site", "stages", "blocks", "start")


def check(values: dict[str, Any]) -> Iterator[Finding]:
    """Find attention modules and options that do not exist."""
    for label, variant in mapping(values.get("variants")).items():
        name, at = mapping(variant).get("attention"), ("variants", label)
        if name == attention.NONE:
            yield from _useless(variant, at)
        elif isinstance(name, str):
            yield from _attention(variant, name, at)
        elif "attention" in mapping(variant):
            yield (*at, "attention"), unknown(name, "attention module", [attention.NONE, *attention.names()])


def _useless(variant: dict[str, Any], at: Location) -> Iterator[Finding]:
    for key in _IN_SLOTS:
        if key in variant:
            yield (
                (*at, key),
                f"means nothing with `attention: {attention.NONE}`; remove it, or name an attention module",
            )


def _attention(variant: dict[str, Any], name: str, at: Location) -> Iterator[Finding]:
    names = attention.names()
    if name.endswith(".py"):
        yield (*at, "attention"), f"given {name!r}; write the name without `.py`: {name.removesuffix('.py')!r}"
        return
    if "." not in name and name not in names:
        yield (*at, "attention"), f"{unknown(name, 'attention module', [attention.NONE, *names])}, or `package.module`"
        return
    if name.startswith("attnbench."):
        last = name.rpartition(".")[2]
        yield (*at, "attention"), f"given {name!r}; modules of attnbench itself are named without dots: {last!r}"
        return
    try:
        file = attention.path(name)
    except UserError as error:
        yield (*at, "attention"), f"given {name!r}: {error}"
        return
    try:
        allowed = attention.options(name)
        lacking = _lacking(name, file)
    except SyntaxError as error:
        yield (*at, "attention"), f"{shown(file)}:{error.lineno}: not valid Python: {error.msg}"
        return
    except (TypeError, ValueError) as error:
        yield (*at, "attention"), f"the options of {name} cannot be read from {shown(file)}: {error}"
        return
    if lacking:
        yield (*at, "attention"), lacking
    yield from misplaced(variant, at, Variant.model_fields, name, allowed)
    given, place = mapping(variant.get("options")), (*at, "options")
    yield from options(given, place, name, allowed, shown(file))
    for option, _, text in idle.find(idle.MODULES.get(name, {}), given, allowed):
        yield (*place, option), f"{text}; remove it"


def _lacking(name: str, file: Path) -> str | None:
    """Return what the file of a module lacks, or None.

    Raises:
        TypeError: the file has no literal PAPER.
    """
    if module_files.FILL_IN in attention.paper(name):
        return f"PAPER in {shown(file)} still says {module_files.FILL_IN!r}; write the reference of the module there"
    return None
