"""User-defined modules, such as `mine.gates`: where their files are, and errors that name the file at fault."""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from attnbench.errors import UserError, did_you_mean
from attnbench.study.document import read
from attnbench.study.findings import mapping
from attnbench.study.schema import Study

_SOURCE = Path(__file__).parents[2]  # src/, the folder for user packages


def locate(dotted: str) -> Path:
    """Return the file of a module in a user package, such as `mine.gates`, without importing it.

    Raises:
        UserError: Python finds no such package, or the package has no such file.
    """
    top, *rest = dotted.split(".")
    if not all(part.isidentifier() for part in (top, *rest)):
        raise UserError(f"{dotted!r} is not of the form `package.module`, such as `mine.gates`")
    folders = folders_of(top)
    if not folders:
        raise UserError(
            f"Python finds no package {top!r}{did_you_mean(top, _user_packages())}; put its folder at src/{top}, or "
            "install it into this environment (`pip install -e PATH`)"
        )
    files = [folder.joinpath(*rest).with_suffix(".py") for folder in folders]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        near = did_you_mean(rest[-1] if rest else "", [path.stem for path in files[0].parent.glob("*.py")])
        raise UserError(f"the package {top!r} has no file {files[0]}{near}")
    return file


def folders_of(package: str) -> list[Path]:
    """Return the folders of a top-level package: none, one, or several if it has no `__init__.py`."""
    try:
        spec = find_spec(package)
    except ValueError:  # `__main__`, which is not a package
        spec = None
    return [Path(folder) for folder in (spec.submodule_search_locations or ())] if spec else []


def home(dotted: str) -> Path:
    """Return the folder of the top-level package that contains the module `dotted`."""
    return locate(dotted).parents[dotted.count(".") - 1]


def require_watched(study: Study, variant: str, root: Path) -> None:
    """Check that DVC notices changes in the user package of a variant; `root` is the repository.

    Otherwise stale results would pass as current.

    Raises:
        UserError: no dependency of the stage `code` covers the package; the text has the line of dvc.yaml that would.
    """
    name = study.variants[variant].attention
    if "." not in name:
        return
    folder = home(name)
    code = mapping(mapping(read(root / "dvc.yaml")[0].get("stages")).get("code"))
    dependencies = [str(path) for path in code.get("deps", ())]
    if any(folder.resolve().is_relative_to((root / path).resolve()) for path in dependencies):  # DVC follows no links
        return
    needed = os.path.relpath(folder, root.resolve())
    raise UserError(
        f"variant {variant!r}: the package of {name} is in {folder}, where DVC does not notice changes; move it into "
        f"src/, or write in dvc.yaml, stage `code`: `deps: [{', '.join([*dependencies, needed])}]`"
    )


@contextmanager
def blamed(path: Path, action: str) -> Iterator[None]:
    """Turn what a module file raises into a `UserError` with the file, its line on the stack, and the exception."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:  # a `sys.exit()` in the file would end the stage as if it had succeeded
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename) == path]
        if isinstance(error, SyntaxError) and error.filename == str(path):
            lines.append(error.lineno)
        line = f":{lines[-1]}" if lines else ""
        reason = ": ".join(filter(None, [type(error).__name__, " ".join(str(error).split())]))
        raise UserError(f"{path}{line}: {action}: {reason}") from error


def _user_packages() -> list[str]:
    """Return the packages in src/ other than this one, to suggest one for a misspelt name."""
    return sorted({file.parent.name for file in _SOURCE.glob("*/*.py")} - {"attnbench"})
