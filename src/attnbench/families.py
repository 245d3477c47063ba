"""Reading a family file (`attention/<name>.py`, `backbones/<name>.py`) without importing it.

The file name is the interface: the folder is the list of names, the keyword-only parameters of `build` are the
options, constants are literals. A parameter `size` without a default is no option: the slot tells it, to a family
whose weights are bound to the size of the feature maps. All is read from the source by AST, so that a wrong params.yaml
is refused in a fraction of a second, before torch is imported.
"""

import ast
import typing
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field


def odd(value: int) -> int:
    """Return `value` if it is odd; a window of odd size has a middle.

    Raises:
        ValueError: it is even.
    """
    if value % 2 == 0:
        raise ValueError(f"{value} is even; allowed: odd numbers, such as {value + 1}")
    return value


PositiveInt = Annotated[int, Field(ge=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
OddInt = Annotated[int, Field(ge=1), AfterValidator(odd)]
Rounding = Literal["floor", "div8"]
Squeeze = Literal["both", "avg", "max", "lp", "lse"]  # how a channel gate pools over positions
Descriptor = Literal["both", "avg", "max", "conv"]  # how a spatial gate pools over channels
Arrangement = Literal["channel_first", "spatial_first", "parallel"]
Share = Annotated[float, Field(ge=0, lt=1)]
Size = tuple[int, int]  # height and width of feature maps

FILL_IN = "FILL IN"  # what `attnbench new` writes where a person has to
SIZE = "size"  # the parameter of `build` that the slot tells
_TYPES: dict[str, Any] = {
    "Arrangement": Arrangement,
    "bool": bool,
    "Descriptor": Descriptor,
    "float": float,
    "int": int,
    "str": str,
    "Literal": Literal,
    "OddInt": OddInt,
    "PositiveFloat": PositiveFloat,
    "PositiveInt": PositiveInt,
    "Rounding": Rounding,
    "Share": Share,
    "Squeeze": Squeeze,
}


@dataclass(frozen=True)
class Option:
    """A keyword-only parameter of a family's `build`. `type` suits `pydantic.TypeAdapter`."""

    name: str
    type: Any
    default: Any


def names(folder: Path) -> list[str]:
    """Return the families in a folder: its Python files whose names do not begin with an underscore."""
    return sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("_"))


@cache
def options(path: Path) -> dict[str, Option]:
    """Return the options of the family in `path`, in the order of its `build`."""
    arguments = _build(path).args
    positional = arguments.args[len(arguments.args) - len(arguments.defaults) :]
    for argument in (*positional, arguments.vararg, arguments.kwarg):
        if argument is not None:
            raise TypeError(
                f"{path}: {argument.arg!r} is no option of build(); options have names and stand behind a `*`, as in "
                "`build(channels, *, reduction: PositiveInt = 16)`"
            )
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: _option(path, argument, default) for argument, default in pairs if argument.arg != SIZE}


@cache
def is_bound_to_size(path: Path) -> bool:
    """Say whether the `build` of the family in `path` asks for the size of the feature maps."""
    return any(argument.arg == SIZE for argument in _build(path).args.kwonlyargs)


@cache
def constant(path: Path, name: str) -> Any:
    """Return the literal assigned to `name` at the top of the file.

    Raises:
        TypeError: the file assigns no literal to that name.
    """
    for node in _tree(path).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=found)], value=value) if found == name:
                return ast.literal_eval(value)
            case ast.AnnAssign(target=ast.Name(id=found), value=ast.expr() as value) if found == name:
                return ast.literal_eval(value)
    raise TypeError(f"{path} has no literal constant {name}; see an existing family beside it")


def defined(path: Path) -> set[str]:
    """Return the names that the file defines, assigns or imports at its top."""
    found: set[str] = set()
    for node in _tree(path).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AnnAssign(target=ast.Name(id=name)):
                found.add(name)
            case ast.Assign(targets=targets):
                found.update(target.id for target in targets if isinstance(target, ast.Name))
            case ast.ImportFrom(names=aliases):
                found.update(alias.asname or alias.name for alias in aliases)
    return found


def header(path: Path) -> str:
    """Return what a family file says of itself: its docstring."""
    return ast.get_docstring(_tree(path)) or ""


def headline(path: Path) -> str:
    """Return the first line of a family file's docstring."""
    return header(path).partition("\n")[0]


def written(value: object) -> str:
    """Return the value of an option as it is written in a params.yaml."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _build(path: Path) -> ast.FunctionDef:
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return node
    raise TypeError(f"{path} has no function `build`; see an existing family beside it")


@cache
def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def _option(path: Path, argument: ast.arg, default: ast.expr | None) -> Option:
    if default is None:
        raise TypeError(f"{path}: option {argument.arg!r} of build() needs a default, that of the authors' code")
    return Option(argument.arg, _type(path, argument), ast.literal_eval(default))


def _type(path: Path, argument: ast.arg) -> Any:
    if argument.annotation is None:
        raise TypeError(f"{path}: option {argument.arg!r} of build() needs a type, such as `int` or `bool`")
    return _resolve(path, argument.annotation)


def _resolve(path: Path, node: ast.expr) -> Any:
    match node:
        case ast.Name(id=name) if name in _TYPES:
            return _TYPES[name]
        case ast.Constant(value=None):
            return None
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            return typing.Union[_resolve(path, left), _resolve(path, right)]  # noqa: UP007 -- built, not written
        case ast.Subscript(value=ast.Name(id="Literal"), slice=inner):
            values = inner.elts if isinstance(inner, ast.Tuple) else [inner]
            return Literal[tuple(ast.literal_eval(value) for value in values)]
    raise TypeError(f"{path}: an option of build() has the type `{ast.unparse(node)}`; allowed: {', '.join(_TYPES)}")


def check_module(module: ModuleType, *needed: str) -> ModuleType:
    """Return `module` if it has all `needed` names.

    Raises:
        TypeError: one is missing; the text says which, and in which file.
    """
    for name in needed:
        if not hasattr(module, name):
            raise TypeError(f"{module.__file__} has no `{name}`; a family file needs {', '.join(needed)}")
    return module
