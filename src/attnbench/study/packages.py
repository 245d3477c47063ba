"""Modules in a package of one's own: where their files are, and whose fault it is when one fails."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

from attnbench.errors import UserError, did_you_mean

_SOURCE = Path(__file__).parents[1]  # src/, where packages of one's own lie


def locate(dotted: str) -> Path:
    """Return the file of a module in somebody's own package, such as `mine.gates`, without importing it.

    Packages are found where Python finds them, and beside src/ once `look_in` was told the root of the repository.

    Raises:
        UserError: Python finds no such package, or the package has no such file.
    """
    top, *rest = dotted.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        raise UserError(f"{dotted!r} is no `package.module`; give names joined by dots, such as `mine.gates`")
    folders = folders_of(top)
    if not folders:
        raise UserError(
            f"Python finds no package {top!r}{did_you_mean(top, _beside())}; put its folder at src/{top}, or install "
            "it into this environment (`pip install -e PATH`)"
        )
    files = [folder.joinpath(*rest).with_suffix(".py") for folder in folders]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        near = did_you_mean(rest[-1] if rest else "", [path.stem for path in files[0].parent.glob("*.py")])
        raise UserError(f"the package {top!r} has no file {files[0]}{near}")
    return found


def look_in(root: Path) -> None:
    """Let Python find packages in a folder too, after all others: `python stages/train.py` looks in stages/ alone."""
    folder = str(root.resolve())
    if folder not in sys.path:
        sys.path.append(folder)


def folders_of(package: str) -> list[Path]:
    """Return where Python finds a top-level package: none, one, or several if it has no `__init__.py`."""
    try:
        spec = find_spec(package)
    except ValueError:  # `__main__`, which is no package
        spec = None
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def _beside() -> list[str]:
    """Return the packages that lie beside this one, for a name that was meant."""
    return sorted({file.parent.name for file in _SOURCE.glob("*/*.py")} - {Path(__file__).parent.name})


def home(dotted: str) -> Path:
    """Return the folder of the top-level package that holds the module `dotted`."""
    return locate(dotted).parents[dotted.count(".") - 1]


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
        raise UserError(f"{path}{line}: {what}: {type(error).__name__}: {' '.join(str(error).split())}") from error
