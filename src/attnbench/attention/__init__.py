"""Attention modules, one family a file: `attention/<name>.py` is the module `<name>`, everywhere."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from attnbench import families

NONE = "none"  # the network as it is
_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of all modules, sorted."""
    return families.names(_FOLDER)


def path(name: str) -> Path:
    """Return the file of a module."""
    return _FOLDER / f"{name}.py"


def options(name: str) -> dict[str, families.Option]:
    """Return the options of a module, read from its source."""
    return families.options(path(name))


def paper(name: str) -> str:
    """Return the reference of a module, read from its source."""
    text: Any = families.constant(path(name), "PAPER")
    return str(text)


def load(name: str) -> ModuleType:
    """Import the family file of a module: `PAPER`, `parameter_count(channels, ...)`, `build(channels, ...)`."""
    module = import_module(f"{__name__}.{name}")
    return families.check_module(module, "PAPER", "parameter_count", "build")
