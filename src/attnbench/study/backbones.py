"""The backbones that a params.yaml may name: `resnet` is `networks/backbones/resnet.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attnbench.errors import UserError, did_you_mean, listed
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
    return module_files.options(path(name), ("classes", "image_shape"))


def require_integer_option(name: str, option: str) -> None:
    """Check that a backbone has an integer option of that name.

    Raises:
        UserError: says which it has.
    """
    allowed = [own for own, value in options(name).items() if type(value.default) is int]
    if option not in allowed:
        raise UserError(
            f"--option {option}: {name} has no such integer option; allowed: {listed(allowed)}"
            f"{did_you_mean(option, allowed)}"
        )


def sites(name: str) -> tuple[str, ...]:
    """Return the sites of attention in a backbone, read from its source."""
    return tuple(module_files.constant(path(name), "SITES"))


def blocks(name: str, values: Mapping[str, Any], site: str | None = None) -> tuple[int, ...]:
    """Return the number of blocks in each stage, read from the source; with `site`, the number of its slots.

    `BLOCKS` is a tuple, or one tuple for each value of the option `depth`. `values` are the options that differ from
    their defaults. `between` occurs once after every stage but the last.
    """
    counts: Any = module_files.constant(path(name), "BLOCKS")
    if isinstance(counts, dict):
        counts = counts[values.get("depth", options(name)["depth"].default)]
    if site == BETWEEN:
        return (1,) * (len(counts) - 1)
    return tuple(counts)


def paper(name: str) -> str:
    """Return the reference of a backbone, read from its source."""
    return str(module_files.constant(path(name), "PAPER"))
