"""The attention modules that a params.yaml may name: `se` is `networks/attention/se.py`, `mine.gates` a user's file."""

from pathlib import Path

from attnbench.study import module_files, packages
from attnbench.study.module_files import Option

NONE = "none"  # the backbone without attention
NULL_CONTROLS = ("constant", "static")  # modules whose gates do not see their input
FOLDER = Path(__file__).parents[1] / "networks" / "attention"


def names() -> list[str]:
    """Return the names of all modules of this package, sorted."""
    return module_files.names(FOLDER)


def path(name: str) -> Path:
    """Return the file of a module.

    Raises:
        UserError: `name` has dots and no such file exists.
    """
    return packages.locate(name) if "." in name else FOLDER / f"{name}.py"


def options(name: str) -> dict[str, Option]:
    """Return the options of a module, read from its source."""
    return module_files.options(path(name))


def paper(name: str) -> str:
    """Return the reference of a module, read from its source."""
    return str(module_files.constant(path(name), "PAPER"))
