"""What a stage would compute: a hash of the code it reaches and of the values it is given.

DVC compares this hash instead of source files, so a comment, a docstring or a new line break reruns nothing, and an
edit of one module reruns only the variants that use it.
"""

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.study import packages
from attnbench.study.schema import Data, Study

PACKAGE = Path(__file__).parents[1]
Stage = Literal["train", "cost", "views"]
SOURCES = [get_args(kind.model_fields["source"].annotation)[0] for kind in get_args(get_args(Data)[0])]

# These carry values in and results out; they compute none of them. What the configuration resolves to is hashed as
# values (`resolved`), so a new key with a default, or a better error message, retrains nothing.
LEFT_OUT = {
    *("study", "records", "code", "errors", "machine"),
    *("train/observers", "train/console", "train/tensorboard", "networks/probe"),
}

# What runs, from the repository root; all else follows from its imports. The family files come on top: `attention`
# and `backbones` import them by name, so no import statement leads from one family to another.
SCRIPTS: dict[Stage, tuple[str, ...]] = {
    "train": ("stages/train.py",),
    "cost": ("stages/cost.py", "stages/latency.py"),
    "views": ("stages/views.py",),
}
TYPE_CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def of_stage(study: Study, stage: Stage, variant: str, package: Path = PACKAGE) -> dict[str, Any]:
    """Return the fingerprint of one stage for one variant: `sha256` over `files` (path -> SHA-256) and `resolved`."""
    roots = [package.parents[1] / script for script in SCRIPTS[stage]]
    roots.append(package / "networks" / "backbones" / f"{study.backbone.name}.py")
    name, own = study.variants[variant].attention, None
    if "." in name:
        roots.append(packages.locate(name))
        own = packages.home(name)
    elif name != "none":
        roots.append(package / "networks" / "attention" / f"{name}.py")
    sections = {"train": ["recipe"], "cost": [], "views": ["views"]}[stage]
    code = of_files(roots, package, own=own)
    return _fingerprint(code, _resolved(study, ["backbone", "machine", *sections], variant))


def of_data(study: Study, package: Path = PACKAGE) -> dict[str, Any]:
    """Return the fingerprint of the data stage: its code without the other sources of images, and its section."""
    others = [package / "data" / f"{source}.py" for source in SOURCES if source != study.data.source]
    return _fingerprint(of_files([package.parents[1] / "stages/data.py"], package, others), _resolved(study, ["data"]))


def of_files(
    roots: list[Path], package: Path = PACKAGE, without: Sequence[Path] = (), own: Path | None = None
) -> dict[str, str]:
    """Return path -> SHA-256 of the roots and of all modules of the package that they reach by import statements.

    `package` is the folder src/attnbench; paths are relative to the repository. `own` is the folder of a package that
    somebody keeps modules in: its files count too, with paths relative to the folder that holds it. Imports inside
    functions count, those under `if TYPE_CHECKING` do not; neither do the modules of `LEFT_OUT`, and the files of
    `without`.

    Raises:
        UserError: a root or an imported module is missing, or a file is not valid Python.
    """
    packages = [package] if own is None or own == package else [package, own]
    found: dict[str, str] = {}
    waiting = list(roots)
    while waiting:
        path = waiting.pop()
        name = _shown(path, packages)
        if name in found or path in without or _is_left_out(path, package):
            continue
        tree = _parse(path)
        found[name] = files.sha256_of_json(_canonical(tree))
        waiting += [*_ancestors(path, packages), *_imported(tree, path, packages)]
    return dict(sorted(found.items()))


def _fingerprint(code: dict[str, str], resolved: dict[str, Any]) -> dict[str, Any]:
    content = {"files": code, "resolved": resolved}
    return {"sha256": files.sha256_of_json(content), **content}


def _resolved(study: Study, sections: list[str], variant: str | None = None) -> dict[str, Any]:
    values = study.model_dump(mode="json", include=set(sections))
    if variant is not None:
        values["variant"] = study.variants[variant].model_dump(mode="json")
    return values


def _is_left_out(path: Path, package: Path) -> bool:
    if not path.is_relative_to(package):
        return False
    module = path.relative_to(package).with_suffix("")
    return any(part.as_posix() in LEFT_OUT for part in (module, *module.parents))


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing, and a stage of this study runs it; restore the file") from None
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None


def _shown(path: Path, packages: list[Path]) -> str:
    """Return the path as records tell it, the same on every machine."""
    package, *own = packages
    top = next((each.parent for each in own if path.is_relative_to(each)), package.parents[1])
    return path.relative_to(top).as_posix()


def _ancestors(path: Path, packages: list[Path]) -> Iterator[Path]:
    """Yield the `__init__.py` of every package that Python runs before the module at `path`."""
    for package in packages:
        folders = path.relative_to(package).parents if path.is_relative_to(package) else ()
        yield from (file for folder in folders if (file := package / folder / "__init__.py").is_file())


def _imported(tree: ast.Module, path: Path, packages: list[Path]) -> Iterator[Path]:
    """Yield the files of these packages that the statements of `tree` import."""
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _resolve(alias.name, path, node.lineno, packages)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path, packages)
            yield from _resolve(base, path, node.lineno, packages)
            for alias in node.names:
                member = _file_of(f"{base}.{alias.name}", packages)  # a submodule, or only a name inside the package
                if member is not None:
                    yield member


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes that can run: `ast.walk` without the bodies of `if TYPE_CHECKING`."""
    yield node
    skipped = node.body if isinstance(node, ast.If) and ast.unparse(node.test) in TYPE_CHECKING else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _walk(child)


def _absolute(node: ast.ImportFrom, path: Path, packages: list[Path]) -> str:
    """Return the dotted name behind `from`, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1]
    parts = next(folder.relative_to(each.parent).parts for each in packages if folder.is_relative_to(each))
    return ".".join([*parts, *([node.module] if node.module else [])])


def _resolve(dotted: str, path: Path, line: int, packages: list[Path]) -> Iterator[Path]:
    found = _file_of(dotted, packages)
    package = next((each for each in packages if each.name == dotted.partition(".")[0]), None)
    if found is not None:
        yield found
    elif package is not None and not package.parent.joinpath(*dotted.split(".")).is_dir():
        raise UserError(f"{path}:{line}: imports {dotted}, which does not exist in {package}")


def _file_of(dotted: str, packages: list[Path]) -> Path | None:
    """Return the file of a module of these packages, or None."""
    first, *rest = dotted.split(".")
    folders = [package.joinpath(*rest) for package in packages if package.name == first]
    candidates = [file for folder in folders for file in (folder / "__init__.py", folder.with_suffix(".py"))]
    return next((file for file in candidates if file.is_file()), None)


def _canonical(node: Any) -> Any:
    """Return a syntax tree as lists and strings that are the same for all Python versions.

    Positions are gone, and so are empty fields, since newer versions add such (`type_params` in 3.12), and every
    statement that is only a string: docstrings say things and do nothing.
    """
    if isinstance(node, ast.AST):
        fields = [(name, _canonical(getattr(node, name, None))) for name in node._fields]
        return [
            type(node).__name__,
            *([name, value] for name, value in fields if value not in (None, [])),
        ]
    if isinstance(node, list):
        return [_canonical(item) for item in node if not _is_docstring(item)]
    return None if node is None else f"{type(node).__name__} {node!a}"


def _is_docstring(node: Any) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
