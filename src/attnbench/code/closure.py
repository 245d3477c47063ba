"""The files that a script reaches by import statements, and one hash for all of them."""

import ast
import hashlib
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

from attnbench.code import syntax
from attnbench.code.syntax import Target, Tree
from attnbench.errors import UserError
from attnbench.records import files


@dataclass(frozen=True)
class SourceFile:
    """One file. `body` is the hash of what it does, "" if it has no statement; `targets` is what its imports mean."""

    body: str
    targets: tuple[Path, ...]
    runs: tuple[Path, ...]  # what Python runs on importing it: packages on the way to it, and whatever it imports


class Closure:
    """The files reached from `roots`. `own` are packages, folders such as src/attnbench, whose imports are followed.

    Imports inside functions count, those under `if TYPE_CHECKING` do not, and neither do the files of `left_out`.

    Raises:
        UserError: a root or an imported module is missing, or a file is not valid Python.
    """

    def __init__(self, roots: Sequence[Path], sources: "Sources", left_out: Container[Path] = ()) -> None:
        self.roots = roots
        self.files: dict[Path, SourceFile] = {}
        waiting = list(roots)
        while waiting:
            path = waiting.pop()
            if path not in self.files and path not in left_out:
                self.files[path] = sources.file(path)
                waiting += self.files[path].runs

    def sha256(self) -> str:
        """Return a hash that depends on what the files do and on which imports which, and on no path.

        Each round gives a file the hash of its body and of the hashes of its targets, so after as many rounds as there
        are files every chain of imports is in it; cycles are harmless. Without one, an early round changes nothing, and
        neither do those after it. A file without statements has no effect.
        """
        bodies = {path: file.body for path, file in self.files.items() if file.body}
        hashes = bodies
        for _ in bodies:
            before = hashes
            hashes = {
                path: _hash([body, *(before.get(target, "") for target in self.files[path].targets)])
                for path, body in bodies.items()
            }
            if hashes == before:
                break
        return _hash([*(hashes.get(root, "") for root in self.roots), *sorted(hashes.values())])


class Sources:
    """The Python files of some packages, each read once, and parsed only if this process has not seen its content."""

    def __init__(self, packages: Sequence[Path]) -> None:
        self.packages = packages
        self._read: dict[Path, SourceFile] = {}

    def file(self, path: Path) -> SourceFile:
        """Return what a file does and where it leads.

        Raises:
            UserError: it is missing or not valid Python, or imports a module that a package does not have.
        """
        if path not in self._read:
            source = _source(path)
            imports = _imports(path, source)
            runs = (*self._ancestors(path), *self._imported(imports, path))
            targets = tuple(self._target(node, alias, path) for node in imports for alias in node.names)
            self._read[path] = SourceFile(*_canonical(path, source, targets), runs)
        return self._read[path]

    def _ancestors(self, path: Path) -> Iterator[Path]:
        """Yield the `__init__.py` of every package that Python runs before the module at `path`."""
        for package in self.packages:
            folders = path.relative_to(package).parents if path.is_relative_to(package) else ()
            yield from (file for folder in folders if (file := package / folder / "__init__.py").is_file())

    def _imported(self, imports: Sequence[syntax.Import], path: Path) -> Iterator[Path]:
        """Yield the files of these packages that the import statements of a file run."""
        for node in imports:
            if isinstance(node, ast.ImportFrom):
                yield from self._existing(self._base(node, path), path, node.lineno)
            for alias in node.names:
                if isinstance(node, ast.Import):
                    yield from self._existing(alias.name, path, node.lineno)
                target = self._target(node, alias, path)
                if target is not None:
                    yield target.path

    def _target(self, node: syntax.Import, alias: ast.alias, path: Path) -> Target | None:
        if isinstance(node, ast.Import):
            file = self._find(alias.name)
            return None if file is None else Target(file)
        base = self._base(node, path)
        member = self._find(f"{base}.{alias.name}")  # a module of the package, or only a name inside it
        if member is not None:
            return Target(member)
        file = self._find(base)
        return None if file is None else Target(file, alias.name)

    def _base(self, node: ast.ImportFrom, path: Path) -> str:
        """Return the dotted name after `from`, with leading dots resolved."""
        if not node.level:
            return node.module or ""
        folder = path.parents[node.level - 1]
        parts = next(
            folder.relative_to(package.parent).parts for package in self.packages if folder.is_relative_to(package)
        )
        return ".".join([*parts, *([node.module] if node.module else [])])

    def _find(self, dotted: str) -> Path | None:
        """Return the file of a module of these packages, or None."""
        first, *rest = dotted.split(".")
        folders = [package.joinpath(*rest) for package in self.packages if package.name == first]
        candidates = [file for folder in folders for file in (folder / "__init__.py", folder.with_suffix(".py"))]
        return next((file for file in candidates if file.is_file()), None)

    def _existing(self, dotted: str, path: Path, line: int) -> Iterator[Path]:
        file = self._find(dotted)
        package = next((package for package in self.packages if package.name == dotted.partition(".")[0]), None)
        if file is not None:
            yield file
        elif package is not None and not package.parent.joinpath(*dotted.split(".")).is_dir():
            raise UserError(f"{path}:{line}: imports {dotted}, which does not exist in {package}")


def _source(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing, and a stage of this study runs it; restore the file") from None


# A stage hashes its source when it starts and again when it ends. A process keeps what it computed from the bytes of a
# file, but not the syntax trees: those of the whole package take 40 MB.


@cache
def _imports(path: Path, source: bytes) -> tuple[syntax.Import, ...]:
    return tuple(_tree(path, source).imports())


@cache
def _canonical(path: Path, source: bytes, targets: tuple[Target | None, ...]) -> tuple[str, tuple[Path, ...]]:
    """Return `body` and `targets` of a `SourceFile`; `targets` here are those of all imported names, in their order."""
    tree = _tree(path, source)
    names = [alias for node in tree.imports() for alias in node.names]
    of_name = dict(zip(names, targets, strict=True))
    body, leads_to = syntax.canonical(tree, lambda node, alias: of_name[alias])
    return files.sha256_of_json(body) if body else "", tuple(leads_to)


@lru_cache(maxsize=1)  # both of the above need it, one after the other
def _tree(path: Path, source: bytes) -> Tree:
    try:
        return syntax.parse(source, path)
    except SyntaxError as error:
        raise UserError(f"{path}:{error.lineno}: not valid Python: {error.msg}") from None


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()
