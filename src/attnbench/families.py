"""Reading a family file (`attention/<name>.py`, `backbones/<name>.py`) without importing it.

The file name is the interface: the folder is the list of names, the keyword-only parameters of `build` are the
options, constants are literals. A parameter `size` without a default is no option: the slot tells it, to a family
whose weights are bound to the size of the feature maps. All is read from the source by AST, so that a wrong params.yaml
is refused in a fraction of a second, before torch is imported.
"""

import ast
import sys
import traceback
import typing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from attnbench.errors import UserError


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
Squeeze = Literal["avg", "max", "both"]  # how a channel gate pools over positions
Descriptor = Literal["both", "avg", "max", "conv"]  # how a spatial gate pools over channels
Arrangement = Literal["channel_first", "spatial_first", "parallel"]
Share = Annotated[float, Field(ge=0, lt=1)]
Size = tuple[int, int]  # height and width of feature maps

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
    pairs = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: _option(path, argument, default) for argument, default in pairs if argument.arg != SIZE}


@cache
def is_bound_to_size(path: Path) -> bool:
    """Say whether the `build` of the family in `path` asks for the size of the feature maps."""
    return any(argument.arg == SIZE for argument in _build(path).args.kwonlyargs)


def locate(dotted: str) -> Path:
    """Return the file of a module in somebody's own package, such as `mine.gates`, without importing it.

    Packages are found where Python finds them, and last in the working directory: the root of the repository.

    Raises:
        UserError: Python finds no such package, or the package has no such file.
    """
    root = str(Path.cwd())
    if root not in sys.path:  # `python stages/train.py` looks in stages/ alone
        sys.path.append(root)
    top, *rest = dotted.split(".")
    spec = find_spec(top) if top.isidentifier() else None
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise UserError(
            f"Python finds no package {top!r}; put the folder {top}/ beside src/ in {root}, or install the package "
            "into this environment (`pip install -e PATH`)"
        )
    files = [Path(folder).joinpath(*rest).with_suffix(".py") for folder in folders]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"the package {top!r} has no file {files[0]}")
    return found


def load(dotted: str, path: Path) -> ModuleType:
    """Import the family file `path` under its dotted name.

    Raises:
        UserError: the file fails.
    """
    with blamed(path, "cannot be imported"):
        return import_module(dotted)


@contextmanager
def blamed(path: Path, what: str) -> Iterator[None]:
    """Turn what a family file raises into a `UserError`: the file, the line in it that led there, the exception."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        own = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
        if isinstance(error, SyntaxError) and error.filename == str(path):
            own.append(error.lineno)
        line = f":{own[-1]}" if own else ""
        raise UserError(f"{path}{line}: {what}: {type(error).__name__}: {error}") from error


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


def _build(path: Path) -> ast.FunctionDef:
    for node in _tree(path).body:
        if isinstance(node, ast.FunctionDef) and node.name == "build":
            return node
    raise TypeError(f"{path} has no function `build`; see an existing family beside it")


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
