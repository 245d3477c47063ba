"""What a module file offers, read from its source without importing it.

The file name is the name of the module: `networks/attention/<name>.py` is the attention module `<name>`, and
`networks/backbones/<name>.py` the backbone. A file has one public class; the keyword-only parameters of its `__init__`
are the options of the module, and constants are literals. A parameter `size` without a default is not an option:
modules whose weights depend on the size of the feature maps get it from their slot. Because only the syntax tree is
read, a wrong params.yaml is refused in a fraction of a second, before torch is imported.
"""

import ast
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from attnbench.errors import listed
from attnbench.study.options import TYPES

FILL_IN = "FILL IN"  # the mark that `attnbench new` leaves where the author has to write
SIZE = "size"  # the parameter of `__init__` that the slot supplies


@dataclass(frozen=True)
class Option:
    """A keyword-only parameter of a module's `__init__`. `type` suits `pydantic.TypeAdapter`."""

    name: str
    type: Any
    default: Any


def names(folder: Path) -> list[str]:
    """Return the names of the modules in a folder: its Python files without a leading underscore, sorted."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


@cache
def class_name(path: Path) -> str:
    """Return the name of the one public class of the file.

    Raises:
        TypeError: the file has no public class, or several.
    """
    return _class(path).name


@cache
def options(path: Path, positional: tuple[str, ...] = ("channels",)) -> dict[str, Option]:
    """Return the options of the module in `path`, in the order of its `__init__`.

    `positional` names the arguments that attnbench passes by position, such as `channels`; the file may name them
    differently, but must have exactly as many.

    Raises:
        TypeError: the file does not have exactly one public class with an `__init__`, or it takes anything but the
            positional arguments and keyword-only options, each with a type and a literal default.
    """
    arguments = _init(path).args
    parameters = (*arguments.posonlyargs, *arguments.args)
    if len(parameters) != 1 + len(positional) or arguments.defaults or arguments.vararg or arguments.kwarg:
        raise TypeError(
            f"{path}: {class_name(path)} must take ({', '.join(('self', *positional))}) and keyword-only options, as "
            f"in `__init__(self, {', '.join(positional)}, *, reduction: PositiveInt = 16)`; got "
            f"`__init__({ast.unparse(arguments)})`"
        )
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: _option(path, argument, default) for argument, default in pairs if argument.arg != SIZE}


@cache
def needs_size(path: Path) -> bool:
    """Return whether the module in `path` requires the size of the feature maps."""
    return any(argument.arg == SIZE for argument in _init(path).args.kwonlyargs)


@cache
def constant(path: Path, name: str) -> Any:
    """Return the literal assigned to `name` at the top level of the file.

    Raises:
        TypeError: the file assigns no literal to that name.
    """
    for node in _tree(path).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=target)], value=value) if target == name:
                return ast.literal_eval(value)
            case ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value) if target == name:
                return ast.literal_eval(value)
    raise TypeError(f"{path} has no literal constant {name}; see another file in its folder")


def header(path: Path) -> str:
    """Return the docstring of the file."""
    return ast.get_docstring(_tree(path)) or ""


def headline(path: Path) -> str:
    """Return the first line of the file's docstring."""
    return header(path).partition("\n")[0]


def yaml_text(value: object) -> str:
    """Return the value of an option as it is written in a params.yaml."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _class(path: Path) -> ast.ClassDef:
    public = [node for node in _tree(path).body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
    if len(public) != 1:
        names = listed([node.name for node in public]) or "none"
        raise TypeError(
            f"{path} must have one public class, the module, and has {names}; start the names of other classes with "
            "an underscore"
        )
    return public[0]


def _init(path: Path) -> ast.FunctionDef:
    for node in _class(path).body:
        if isinstance(node, ast.FunctionDef) and node.name == "__init__":
            return node
    raise TypeError(f"{path}: {class_name(path)} has no `__init__`; write one that takes the channels and the options")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _option(path: Path, argument: ast.arg, default: ast.expr | None) -> Option:
    if default is None:
        raise TypeError(f"{path}: option {argument.arg!r} needs a default, that of the authors' code")
    return Option(argument.arg, _type(path, argument), ast.literal_eval(default))


def _type(path: Path, argument: ast.arg) -> Any:
    if argument.annotation is None:
        raise TypeError(f"{path}: option {argument.arg!r} needs a type, such as `int` or `bool`")
    return _resolve(path, argument.arg, argument.annotation)


def _resolve(path: Path, option: str, node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in TYPES:
            return TYPES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_resolve(path, option, left), _resolve(path, option, right)]  # noqa: UP007 -- built
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return Literal[tuple(ast.literal_eval(value) for value in values)]
    raise TypeError(f"{path}: option {option!r} has the type `{ast.unparse(node)}`; allowed: {', '.join(TYPES)}")
