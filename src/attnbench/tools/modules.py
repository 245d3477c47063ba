"""The attention modules in a terminal: a list of all, or one in full. Nothing here imports torch."""

from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from attnbench.errors import UserError
from attnbench.study import attention, check_modules, module_files
from attnbench.study.module_files import yaml_text

_ALLOWED = {bool: "true, false", int: "integer", float: "number", str: "text", NoneType: "null", None: "null"}


def overview() -> str:
    """Return all modules, each with its first line and the defaults of its options."""
    names = attention.names()
    width = max(map(len, names))
    lines = []
    for name in names:
        lines.append(f"{name:{width}}  {module_files.headline(attention.path(name))}")
        defaults = ", ".join(f"{key}: {yaml_text(option.default)}" for key, option in attention.options(name).items())
        if defaults:
            lines.append(f"{'':{width}}  {defaults}")
    return "\n".join([*lines, "", "Details: attnbench modules NAME", ""])


def details(name: str) -> str:
    """Return the header of a module, its options and its paper.

    Raises:
        UserError: there is no such module, or its file is not valid.
    """
    path = readable(name)
    rows = [
        (key, f"default {yaml_text(option.default)}", allowed(option.type))
        for key, option in attention.options(name).items()
    ]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    options = [f"  {key:{widths[0]}}  {default:{widths[1]}}  {values}" for key, default, values in rows] or ["  none"]
    sized = (
        ["", "The module is built for one size of feature maps, which its slot supplies."]
        if module_files.needs_size(path)
        else []
    )
    lines = [module_files.header(path), "", "Options:", *options, *sized]
    return "\n".join([*lines, "", f"Paper: {attention.paper(name)}", ""])


def readable(name: str) -> Path:
    """Return the file of a module, which need not be filled in.

    Raises:
        UserError: there is no such module, or its file is not valid.
    """
    path = attention.path(name)
    problems = [text for _, text in check_modules.check({"variants": {name: {"attention": name}}})]
    if problems and module_files.FILL_IN not in problems[0]:
        raise UserError(problems[0])
    return path


def allowed(kind: Any) -> str:
    """Return what an option of this type may be: `true, false` or `odd integer, at least 1, or null`.

    Raises:
        TypeError: the type has no description here.
    """
    if get_origin(kind) is Literal:
        return ", ".join(yaml_text(value) for value in get_args(kind))
    if get_origin(kind) in (Union, UnionType):
        return ", or ".join(allowed(part) for part in get_args(kind))
    if get_origin(kind) is Annotated:
        descriptions = [note.description for note in get_args(kind)[1:] if isinstance(note, FieldInfo)]
        if descriptions and descriptions[0]:
            return descriptions[0]
    elif kind in _ALLOWED:
        return _ALLOWED[kind]
    raise TypeError(f"no description of {kind}; add one to {__file__}")
