"""What a Python file does, without how it is written: its syntax tree without comments, docstrings and layout.

An import of an own file is recorded by what it takes and leads to, never by a path, so files can be moved and renamed.
Other imports stay in the tree as text: third-party packages are not followed.
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

Import = ast.Import | ast.ImportFrom
TYPE_CHECKING = ("TYPE_CHECKING", "typing.TYPE_CHECKING")


@dataclass(frozen=True)
class Target:
    """What an import leads to: a file, or with `attribute` a name in it."""

    path: Path
    attribute: str = ""


Resolve = Callable[[Import, ast.alias], Target | None]


@dataclass(frozen=True)
class Tree:
    """What can run of a file: its statements, and all nodes below them, breadth first."""

    body: list[ast.stmt]
    nodes: list[ast.AST]

    def imports(self) -> list[Import]:
        """Return all import statements, those inside functions too."""
        return [node for node in self.nodes if isinstance(node, Import)]


def parse(source: bytes, path: Path) -> Tree:
    """Return the tree without docstrings and without what only the type checker reads.

    Raises:
        SyntaxError: the source is not valid Python.
    """
    module = _Runnable().visit(ast.parse(source, filename=str(path)))
    return Tree(module.body, list(ast.walk(module)))


def canonical(tree: Tree, resolve: Resolve) -> tuple[list[Any], list[Path]]:
    """Return the tree as nested lists, the same for all Python versions, and the files that its imports lead to.

    `resolve` returns the target of an imported name, or None for a name of another package. The files come in the order
    of their imports in the lists. Consecutive imports are sorted, since renaming a file changes their order.
    """
    writer = _Canonical(tree, resolve)
    return writer.statements(tree.body), writer.targets


class _Runnable(ast.NodeTransformer):
    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        docstring = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if docstring else self.generic_visit(node)

    def visit_If(self, node: ast.If) -> Any:
        self.generic_visit(node)
        return node.orelse if ast.unparse(node.test) in TYPE_CHECKING else node

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        """Remove the empty pieces that Python 3.12.0 and 3.12.1 put into f-strings."""
        self.generic_visit(node)
        node.values = [piece for piece in node.values if not (isinstance(piece, ast.Constant) and piece.value == "")]
        return node


class _Canonical:
    def __init__(self, tree: Tree, resolve: Resolve) -> None:
        self.resolve = resolve
        self.targets: list[Path] = []
        self.modules = _module_names(tree, resolve)

    def statements(self, nodes: list[ast.stmt]) -> list[Any]:
        lines: list[Any] = []
        for are_imports, group in groupby(nodes, lambda node: isinstance(node, Import)):
            block = list(group)
            lines += [self._imports(block)] if are_imports else map(self._node, block)
        return lines

    def _node(self, node: Any) -> Any:
        """Return a node as lists. Empty fields are left out, since newer versions of Python add more of them."""
        if isinstance(node, ast.Name) and node.id in self.modules:
            return ["Name", self.modules[node.id]]
        if isinstance(node, ast.AST):
            fields = [(name, self._node(getattr(node, name, None))) for name in node._fields]
            return [type(node).__name__, *([name, value] for name, value in fields if value not in (None, []))]
        if isinstance(node, list):
            is_block = bool(node) and isinstance(node[0], ast.stmt)
            return self.statements(node) if is_block else [self._node(item) for item in node]
        return None if node is None else f"{type(node).__name__} {node!a}"

    def _imports(self, nodes: list[Any]) -> list[Any]:
        items: list[tuple[list[str], Target | None]] = []
        for node in nodes:
            for alias in node.names:
                target = self.resolve(node, alias)
                name = _bound(node, alias)
                if target is None:
                    items.append(([name, alias.name, _module(node)], target))
                else:
                    items.append(([str(self.modules.get(name, name)), target.attribute], target))
        items.sort(key=lambda item: item[0])
        self.targets += [target.path for _, target in items if target is not None]
        return ["imports", *(item for item, _ in items)]


def _module_names(tree: Tree, resolve: Resolve) -> dict[str, int]:
    """Return the names of own modules, numbered by first use: they follow the names of files, and do not count.

    A name that the file binds in another way too, such as a parameter, keeps its spelling.
    """
    bound = Counter[str]()
    modules = set()
    used: dict[str, int] = {}
    for node in tree.nodes:
        if isinstance(node, ast.Name):
            used.setdefault(node.id, len(used))
            bound[node.id] += not isinstance(node.ctx, ast.Load)
        elif isinstance(node, Import):
            for alias in node.names:
                target = resolve(node, alias)
                bound[_bound(node, alias)] += 1
                if isinstance(node, ast.ImportFrom) and alias.asname is None and target and not target.attribute:
                    modules.add(alias.name)
        elif not isinstance(node, ast.Attribute | ast.Constant | ast.keyword | ast.alias):
            bound.update(_words(node))
    return {name: number for name, number in used.items() if name in modules and bound[name] == 1}


def _words(node: ast.AST) -> Iterator[str]:
    """Yield the names among a node's own fields: those of functions, parameters, captures, global statements."""
    for _, value in ast.iter_fields(node):
        yield from (word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str))


def _bound(node: Import, alias: ast.alias) -> str:
    return alias.asname or (alias.name.partition(".")[0] if isinstance(node, ast.Import) else alias.name)


def _module(node: Import) -> str:
    return f"{'.' * node.level}{node.module or ''}" if isinstance(node, ast.ImportFrom) else ""
