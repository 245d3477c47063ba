"""Networks with empty places for attention, one family a file: `backbones/<name>.py` is the network `<name>`."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from attnbench import families

BETWEEN = "between"  # the site behind a whole stage; all others are within a block
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
    """Return the places where attention may sit, read from the source."""
    found: Any = families.constant(path(name), "SITES")
    return tuple(found)


def blocks(name: str, given: Mapping[str, Any], site: str | None = None) -> tuple[int, ...]:
    """Return how many blocks each stage has, or how many of a stage's blocks have `site`, read from the source.

    `BLOCKS` is a tuple, or a tuple for each value of the option `depth`; `given` are the options that are not defaults.
    `between` follows every stage but the last, once.
    """
    found: Any = families.constant(path(name), "BLOCKS")
    if isinstance(found, dict):
        found = found[given.get("depth", options(name)["depth"].default)]
    if site == BETWEEN:
        return (1,) * (len(found) - 1)
    return tuple(found)


def numbers(wanted: str | list[int], present: Iterable[int]) -> set[int]:
    """Return the numbers of stages, or of blocks in a stage, that `all`, `first`, `last` or a list of numbers means."""
    present = set(present)
    match wanted:
        case "all":
            return present
        case "first" | "last" if present:
            return {min(present) if wanted == "first" else max(present)}
        case _:
            return present & {number for number in wanted if isinstance(number, int)}


def paper(name: str) -> str:
    """Return the reference of a backbone, read from its source."""
    return str(families.constant(path(name), "PAPER"))


def load(name: str) -> ModuleType:
    """Import the family file of a backbone: `PAPER`, `SITES`, `BLOCKS`, `build(classes, image_shape, **options)`."""
    return families.check_module(import_module(f"{__name__}.{name}"), "PAPER", "SITES", "BLOCKS", "build")
