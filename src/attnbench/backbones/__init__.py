"""Networks with empty places for attention, one family a file: `backbones/<name>.py` is the network `<name>`."""

from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from attnbench import families

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """Return the names of all backbones, sorted."""
    return families.names(_FOLDER)


def path(name: str) -> Path:
    """Return the file of a backbone."""
    return _FOLDER / f"{name}.py"


def options(name: str) -> dict[str, families.Option]:
    """Return the options of a backbone, read from its source."""
    return families.options(path(name))


def sites(name: str) -> tuple[str, ...]:
    """Return the places within a stage where attention may sit, read from the source."""
    found: Any = families.constant(path(name), "SITES")
    return tuple(found)


def stage_count(name: str) -> int:
    """Return the number of stages, read from the source."""
    return int(families.constant(path(name), "STAGES"))


def paper(name: str) -> str:
    """Return the reference of a backbone, read from its source."""
    return str(families.constant(path(name), "PAPER"))


def load(name: str) -> ModuleType:
    """Import the family file of a backbone: `PAPER`, `SITES`, `STAGES`, `build(classes, image_shape, **options)`."""
    return families.check_module(import_module(f"{__name__}.{name}"), "PAPER", "SITES", "STAGES", "build")
