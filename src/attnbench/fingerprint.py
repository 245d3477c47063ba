"""What a stage would compute: a hash of the code it reaches and of the values it is given.

DVC compares this hash instead of source files, so a comment, a docstring or a new line break reruns nothing, and an
edit of one module reruns only the variants that use it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from attnbench import files
from attnbench.config.schema import Study
from attnbench.errors import UserError

PACKAGE = Path(__file__).parent
Stage = Literal["train", "cost", "views"]

# These carry values in and results out; they compute none of them. What the configuration resolves to is hashed as
# values (`resolved`), so a new key with a default, or a better error message, retrains nothing.
LEFT_OUT = (
    "config",
    "study",
    "records",
    "errors",
    "paths",
    "files",
    "machine",
    "fingerprint",
    "families",
)

# Where a stage's code begins, in the package; a folder stands for all its modules. The family files come on top:
# `attention` and `backbones` import them by name, so no import statement leads from one family to another.
ROOTS: dict[Stage, tuple[str, ...]] = {
    "train": (
        "training/__init__.py",
        "training/run.py",
        "placement.py",
        "data/prepared.py",
    ),
    "cost": ("cost", "placement.py"),
    "views": ("views", "placement.py", "data/prepared.py"),
}
TYPE_CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")
DATA_ROOTS = ("data/split.py", "data/prepare.py", "data/prepared.py")


def of_stage(study: Study, stage: Stage, variant: str, package: Path = PACKAGE) -> dict[str, Any]:
    """Return the fingerprint of one stage for one variant: `sha256` over `files` (path -> SHA-256) and `resolved`."""
    roots = [package / root for root in ROOTS[stage]]
    roots.append(package / "backbones" / f"{study.backbone.name}.py")
    if study.variants[variant].attention != "none":
        roots.append(package / "attention" / f"{study.variants[variant].attention}.py")
    sections = {"train": ["recipe"], "cost": [], "views": ["recipe", "views"]}[stage]
    return _fingerprint(roots, package, _resolved(study, ["backbone", "machine", *sections], variant))


def of_data(study: Study, package: Path = PACKAGE) -> dict[str, Any]:
    """Return the fingerprint of the data stage: the code of this study's source of images, and its section."""
    roots = [package / root for root in (*DATA_ROOTS, f"data/{study.data.source}.py")]
    return _fingerprint(roots, package, _resolved(study, ["data"]))


def params_sha256(study: Study, variant: str) -> str:
    """Return the SHA-256 of every value that decides what a run of `variant` gives, defaults filled in."""
    return files.sha256_of_json(_resolved(study, ["backbone", "recipe", "machine", "data"], variant))


def of_files(roots: list[Path], package: Path = PACKAGE) -> dict[str, str]:
    """Return path -> SHA-256 of all modules of the package that the roots reach by import statements.

    Paths are relative to the folder that holds the package. Imports inside functions count, those under
    `if TYPE_CHECKING` do not; neither do the modules of `LEFT_OUT`.

    Raises:
        UserError: a root or an imported module is missing, or a file is not valid Python.
    """
    found: dict[str, str] = {}
    waiting = [module for root in roots for module in _modules(root)]
    while waiting:
        path = waiting.pop()
        name = path.relative_to(package.parent).as_posix()
        if name in found or _is_left_out(path, package):
            continue
        tree = _parse(path)
        found[name] = files.sha256_of_json(_canonical(tree))
        waiting += [
            package / "__init__.py",
            *_ancestors(path, package),
            *_imported(tree, path, package),
        ]
    return dict(sorted(found.items()))


def _fingerprint(roots: list[Path], package: Path, resolved: dict[str, Any]) -> dict[str, Any]:
    content = {"files": of_files(roots, package), "resolved": resolved}
    return {"sha256": files.sha256_of_json(content), **content}


def _resolved(study: Study, sections: list[str], variant: str | None = None) -> dict[str, Any]:
    values = study.model_dump(mode="json", include=set(sections))
    if variant is not None:
        values["variant"] = study.variants[variant].model_dump(mode="json")
    return values


def _modules(root: Path) -> list[Path]:
    """Return the file itself, or all modules below a folder."""
    return sorted(root.rglob("*.py")) if root.is_dir() else [root]


def _is_left_out(path: Path, package: Path) -> bool:
    return path.relative_to(package).parts[0].removesuffix(".py") in LEFT_OUT


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), filename=str(path))
    except FileNotFoundError:
        raise UserError(f"{path} is missing, and a stage of this study runs it; restore the file") from None
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None


def _ancestors(path: Path, package: Path) -> Iterator[Path]:
    """Yield the `__init__.py` of every package that Python runs before the module at `path`."""
    folders = path.relative_to(package).parents
    return (package / folder / "__init__.py" for folder in folders)


def _imported(tree: ast.Module, path: Path, package: Path) -> Iterator[Path]:
    """Yield the files of this package that the statements of `tree` import."""
    for node in _walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield from _resolve(alias.name, path, node.lineno, package)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, path, package)
            yield from _resolve(base, path, node.lineno, package)
            for alias in node.names:
                member = _file_of(f"{base}.{alias.name}", package)  # a submodule, or only a name inside the package
                if member is not None:
                    yield member


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes that can run: `ast.walk` without the bodies of `if TYPE_CHECKING`."""
    yield node
    skipped = node.body if isinstance(node, ast.If) and ast.unparse(node.test) in TYPE_CHECKING else []
    for child in ast.iter_child_nodes(node):
        if child not in skipped:
            yield from _walk(child)


def _absolute(node: ast.ImportFrom, path: Path, package: Path) -> str:
    """Return the dotted name behind `from`, with leading dots resolved."""
    if not node.level:
        return node.module or ""
    folder = path.parents[node.level - 1].relative_to(package.parent)
    return ".".join([*folder.parts, *([node.module] if node.module else [])])


def _resolve(dotted: str, path: Path, line: int, package: Path) -> Iterator[Path]:
    found = _file_of(dotted, package)
    if found is not None:
        yield found
    elif dotted == package.name or dotted.startswith(f"{package.name}."):
        raise UserError(f"{path}:{line}: imports {dotted}, which does not exist in {package}")


def _file_of(dotted: str, package: Path) -> Path | None:
    """Return the file of a module of this package, or None."""
    first, *rest = dotted.split(".")
    if first != package.name:
        return None
    folder = package.joinpath(*rest)
    return next((file for file in (folder / "__init__.py", folder.with_suffix(".py")) if file.is_file()), None)


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
