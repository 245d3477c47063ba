"""Start a new attention module: `attnbench new`."""

import keyword
import re
import sysconfig
from importlib.util import find_spec
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from attnbench.errors import UserError, shortened
from attnbench.records import files
from attnbench.study import attention, packages
from attnbench.study.module_files import FILL_IN

_NAME = re.compile(r"[a-z][a-z0-9_]{,63}")  # the longest name of a file is 255, with `.cpython-311.pyc`
_INSTALLED = ("stdlib", "platlib", "purelib")


def create(name: str, root: Path) -> Path:
    """Write the file of a new module and return its path; `root` is that of the repository.

    A name without dots becomes a module of attnbench. A name with dots becomes a module of the package it names, which
    is in src/ or outside the repository, and is created in src/ if there is none.

    Raises:
        UserError: the name is not valid for a module, or is taken. Nothing is written.
    """
    path = module_path(name, root)
    for existing in (path, path.with_suffix("")):
        if existing.exists():
            shown = existing.relative_to(root) if existing.is_relative_to(root) else existing
            raise UserError(f"{shown} exists; choose another name, or edit it")
    missing = _missing_packages(path, root / "src")
    top = path.parents[len(missing)]  # exists
    with files.replacing_several(top) as folder:
        for package in missing:
            init = folder / package.relative_to(top) / "__init__.py"
            files.write_text(init, '"""User-defined attention modules."""\n')
        files.write_text(folder / path.relative_to(top), text(name))
    return path


def module_path(name: str, root: Path) -> Path:
    """Return where the file of a new module goes.

    Raises:
        UserError: the name is not valid for a module.
    """
    package, *rest = name.split(".")
    if rest and rest[-1] == "py":
        raise UserError(f"{name!r} is the name of a file; write {name.removesuffix('.py')!r}")
    for part in (package, *rest):
        if not _NAME.fullmatch(part) or keyword.iskeyword(part):
            raise UserError(
                f"{shortened(name)!r} is not valid for a module: {shortened(part)!r} must start with a letter a-z, "
                "contain only a-z, 0-9 and _, at most 64 of them, and must not be a Python keyword"
            )
    if name == attention.NONE:
        raise UserError(f"{name!r} means the network without attention; choose another name")
    if not rest:
        return root / "src/attnbench/networks/attention" / f"{name}.py"
    return _package_folder(package, root).joinpath(*rest).with_suffix(".py")


def text(name: str) -> str:
    """Return the file of a new module, with `FILL IN` wherever its author has to write."""
    environment = Environment(
        loader=PackageLoader("attnbench", "tools"), undefined=StrictUndefined, keep_trailing_newline=True
    )
    class_name = "".join(part.capitalize() for part in name.rpartition(".")[-1].split("_"))
    return environment.get_template("module.py.j2").render(fill_in=FILL_IN, class_name=class_name)


def _package_folder(package: str, root: Path) -> Path:
    """Return the folder of a user's package, which need not exist yet."""
    folders = packages.folders_of(package)
    if not folders and find_spec(package) is not None:
        raise UserError(f"Python has a module {package!r} that is not a package; choose another name")
    with_modules = [folder for folder in folders if any(folder.glob("*.py"))]  # a folder such as data/ is not a package
    folder = with_modules[0] if with_modules else root / "src" / package
    if folder == Path(attention.__file__).parents[1]:
        raise UserError(f"modules of {package} itself are named without dots")
    if any(folder.is_relative_to(sysconfig.get_path(scheme)) for scheme in _INSTALLED):
        raise UserError(f"{package!r} is a package installed in {folder.parent}; choose another name for yours")
    if folder.is_relative_to(root) and not folder.is_relative_to(root / "src"):
        raise UserError(
            f"{package!r} is a package in {folder.relative_to(root)}, and those of this repository belong in src; "
            f"choose another name, or move the package to src/{package}"
        )
    return folder


def _missing_packages(path: Path, source: Path) -> list[Path]:
    """Return the package folders between `source` and a new file that do not exist yet, outermost first."""
    folders = [folder for folder in path.parents if folder.is_relative_to(source) and folder != source]
    return [folder for folder in reversed(folders) if not folder.exists()]
