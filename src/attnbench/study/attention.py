"""The attention modules that a params.yaml may name: `se` is `networks/attention/se.py`, `mine.gates` a user's file."""

from pathlib import Path

from attnbench.errors import UserError, did_you_mean, listed, shortened
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
        UserError: there is no such module.
    """
    if "." in name:
        return packages.locate(name)
    if name not in (allowed := names()):
        near = did_you_mean(name, allowed)
        raise UserError(f"no module {shortened(name)!r}{near}; allowed: {listed(allowed)}, or `package.module`")
    return FOLDER / f"{name}.py"


def options(name: str) -> dict[str, Option]:
    """Return the options of a module, read from its source."""
    return module_files.options(path(name))


def paper(name: str) -> str:
    """Return the reference of a module, read from its source."""
    return str(module_files.constant(path(name), "PAPER"))
