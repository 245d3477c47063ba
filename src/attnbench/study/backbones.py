"""The backbones that a params.yaml may name: `resnet` is `networks/backbones/resnet.py`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from attnbench.study import module_files
from attnbench.study.module_files import Option

BETWEEN = "between"  # the site after a whole stage; all others are within a block
FOLDER = Path(__file__).parents[1] / "networks" / "backbones"


def names() -> list[str]:
    """Return the names of all backbones, sorted."""
    return module_files.names(FOLDER)


def path(name: str) -> Path:
    """Return the file of a backbone."""
    return FOLDER / f"{name}.py"


def options(name: str) -> dict[str, Option]:
    """Return the options of a backbone, read from its source."""
    return module_files.options(path(name))


def sites(name: str) -> tuple[str, ...]:
    """Return the places where attention may sit, read from the source."""
    found: Any = module_files.constant(path(name), "SITES")
    return tuple(found)


def blocks(name: str, given: Mapping[str, Any], site: str | None = None) -> tuple[int, ...]:
    """Return how many blocks each stage has, or how many of a stage's blocks have `site`, read from the source.

    `BLOCKS` is a tuple, or a tuple for each value of the option `depth`; `given` are the options that are not defaults.
    `between` follows every stage but the last, once.
    """
    found: Any = module_files.constant(path(name), "BLOCKS")
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
    return str(module_files.constant(path(name), "PAPER"))
