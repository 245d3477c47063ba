"""Attention modules, one family a file: `attention/<name>.py` is the module `<name>`, everywhere.

A name with dots, such as `mine.gates`, is a family file in a package of one's own.
"""

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from attnbench import families, packages

NONE = "none"  # the network as it is
_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of all modules of this package, sorted."""
    return families.names(_FOLDER)


def path(name: str) -> Path:
    """Return the file of a module.

    Raises:
        UserError: `name` has dots and leads to no file.
    """
    return packages.locate(name) if "." in name else _FOLDER / f"{name}.py"


def options(name: str) -> dict[str, families.Option]:
    """Return the options of a module, read from its source."""
    return families.options(path(name))


def paper(name: str) -> str:
    """Return the reference of a module, read from its source."""
    text: Any = families.constant(path(name), "PAPER")
    return str(text)


def load(name: str) -> ModuleType:
    """Import the family file of a module: `PAPER`, `parameter_count(channels, ...)`, `build(channels, ...)`."""
    module = packages.load(name if "." in name else f"{__name__}.{name}", path(name))
    return families.check_module(module, "PAPER", "parameter_count", "build")


def build(name: str, channels: int, size: families.Size, options: Mapping[str, Any]) -> Any:
    """Return the module `name` for feature maps of `channels` and `size`, which is told to those alone that ask."""
    return load(name).build(channels, **_told(name, size), **options)


def parameter_count(name: str, channels: int, size: families.Size, options: Mapping[str, Any]) -> int:
    """Return the exact number of parameters of what `build` returns."""
    return int(load(name).parameter_count(channels, **_told(name, size), **options))


def _told(name: str, size: families.Size) -> dict[str, families.Size]:
    return {families.SIZE: size} if families.is_bound_to_size(path(name)) else {}
