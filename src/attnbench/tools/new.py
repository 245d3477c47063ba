"""A new family file: where it goes, its text, and what in it is left for a person to write."""

import ast
import keyword
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.study import attention, packages
from attnbench.study.module_files import FILL_IN

SHAPES = {"channel": "(n, C, 1, 1)", "spatial": "(n, 1, h, w)"}  # of a gate, by the name of its map
_FAMILIES = Path("src/attnbench/networks/attention")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_INSTALLED = ("stdlib", "platlib", "purelib")


def create(name: str, gate: str, root: Path) -> Path:
    """Write the family file of a new module and return its path; `gate` is a key of `SHAPES`, `root` the repository's.

    A name without dots goes to the modules of attnbench. One with dots goes to the package that it names, which is
    begun in src/ where there is none.

    Raises:
        UserError: the name cannot be that of a module, or is taken; nothing is written.
    """
    path = place(name, root)
    taken = next((each for each in (path, path.with_suffix("")) if each.exists()), None)
    if taken is not None:
        shown = taken.relative_to(root) if taken.is_relative_to(root) else taken
        raise UserError(f"{shown} exists; choose another name, or edit what is there")
    for folder in _to_begin(path, root):
        files.write_text(folder / "__init__.py", '"""Attention modules of our own."""\n')
    files.write_text(path, text(name, gate))
    return path


def place(name: str, root: Path) -> Path:
    """Return where the family file of a new module goes.

    Raises:
        UserError: the name cannot be that of a module.
    """
    top, *rest = name.split(".")
    if rest and rest[-1] == "py":
        raise UserError(f"{name!r} is a file's name; write {name.removesuffix('.py')!r}")
    for part in (top, *rest):
        if not _NAME.fullmatch(part) or keyword.iskeyword(part):
            raise UserError(
                f"{name!r} is no name for a module: {part!r} must begin with a-z, be made of a-z, 0-9 and _ alone, "
                "and be no word of Python's own"
            )
    if name == attention.NONE:
        raise UserError(f"{name!r} stands for the network without attention; choose another name")
    if not rest:
        return root / _FAMILIES / f"{name}.py"
    return _own_package(top, root).joinpath(*rest).with_suffix(".py")


def text(name: str, gate: str) -> str:
    """Return the family file of a new module, to be filled in."""
    environment = Environment(
        loader=PackageLoader("attnbench", "tools"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    class_name = "".join(part.capitalize() for part in name.rpartition(".")[-1].split("_"))
    return environment.get_template("module.py.j2").render(
        fill_in=FILL_IN, class_name=class_name, gate=gate, shape=SHAPES[gate]
    )


def places_to_fill(path: Path) -> tuple[str, str]:
    """Return the first and the last line of the header with the paper, and of the weights with the gate: `1-14`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    paper, found, count = (
        next(node for node in tree.body if isinstance(node, kind))
        for kind in (ast.Assign, ast.ClassDef, ast.FunctionDef)
    )
    return f"1-{paper.end_lineno}", f"{found.lineno}-{count.end_lineno}"


def unfilled(path: Path) -> list[str]:
    """Return the lines of a family file that a person still has to fill in, each as `file:line: text`."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return [f"{path}:{number}: {line.strip()}" for number, line in enumerate(lines, start=1) if FILL_IN in line]


def _own_package(top: str, root: Path) -> Path:
    """Return the folder of somebody's own package, which need not exist yet."""
    found = packages.folders_of(top)
    if not found and find_spec(top) is not None:
        raise UserError(f"Python has a module {top!r} that is no package; choose another name")
    folders = [each for each in found if any(each.glob("*.py"))]  # a folder such as data/ is no package yet
    folder = folders[0] if folders else root / "src" / top
    if folder == Path(attention.__file__).parents[1]:
        raise UserError(f"modules of {top} itself are named without dots")
    if any(folder.is_relative_to(sysconfig.get_path(each)) for each in _INSTALLED):
        raise UserError(f"{top!r} is a package installed in {folder.parent}; choose another name for your own")
    return folder


def _to_begin(path: Path, root: Path) -> list[Path]:
    """Return the folders of packages in src/ that do not exist yet, outermost first."""
    source = root / "src"
    folders = path.parents[: len(path.relative_to(source).parts) - 1] if path.is_relative_to(source) else []
    return [folder for folder in reversed(folders) if not folder.exists()]
