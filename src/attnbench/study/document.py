"""Reading a YAML file as plain values, with the line and column of every key."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from attnbench.errors import UserError

Location = tuple[str | int, ...]  # keys and list indices from the top of the file

_HINTS = {  # the usual cause of a message of the YAML parser
    "mapping values are not allowed here": "text with `: ` in it needs quotes; keys of one mapping begin in one column",
    "could not find expected ':'": "a key is followed by a colon and a space: `key: value`",
    r"found character '\t' that cannot start any token": "that is a tab; indent with spaces",
    "but found another document": "a study is one document; remove `---`",
}


@dataclass(frozen=True, order=True)
class Problem:
    """One error in a file. Lines and columns count from 1."""

    line: int
    column: int
    key: str  # dotted, e.g. variants.se.stages[1]
    text: str


@dataclass(frozen=True)
class Positions:
    """The line and column of each key of a YAML file."""

    path: Path
    tree: CommentedMap

    def of(self, location: Sequence[str | int]) -> tuple[int, int]:
        """Return line and column of a key or list item; if it is not in the file, of its nearest parent."""
        node: Any = self.tree
        position = (node.lc.line, node.lc.col)
        for part in location:
            if isinstance(node, CommentedMap) and part in (node.lc.data or {}):  # a merged key has no line of its own
                position = node.lc.key(part)
            elif isinstance(node, CommentedSeq) and isinstance(part, int) and part < len(node):
                position = node.lc.item(part)
            else:
                break
            node = node[part]
        return position[0] + 1, position[1] + 1

    def problem(self, location: Sequence[str | int], text: str) -> Problem:
        """Return a problem at a key."""
        return Problem(*self.of(location), dotted(location), text)

    def error(self, problems: list[Problem]) -> UserError:
        """Return the error that lists all problems, one per line, in the order of the file."""
        lines = [
            f"{self.path}:{problem.line}:{problem.column}: {problem.key}: {problem.text}"
            for problem in sorted(set(problems))
        ]
        return UserError(lines[0] if len(lines) == 1 else "\n".join([f"{len(lines)} problems in {self.path}", *lines]))


def dotted(location: Sequence[str | int]) -> str:
    """Return a location as it is written in messages: `variants.se.stages[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).lstrip(".")


def read(path: Path) -> tuple[dict[str, Any], Positions]:
    """Return the values of a YAML mapping as plain Python, and their positions.

    Raises:
        UserError: the file is missing, is not UTF-8 text, is not YAML, has a key twice, or is not a mapping.
    """
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
        values = _plain(tree)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} does not exist; a study is a params.yaml, such as the one at the root") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the params.yaml in it") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except DuplicateKeyError as error:
        raise UserError(_duplicate(path, error)) from None
    except MarkedYAMLError as error:
        raise UserError(_not_yaml(path, error)) from None
    except (YAMLError, ValueError) as error:  # ValueError: `!!int x`
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or a YAML alias in it refers to itself") from None
    if not isinstance(tree, CommentedMap):
        raise UserError(f"{path} {_content(tree)}; a study is a mapping, with keys such as `name:` and `variants:`")
    return values, Positions(path, tree)


def _not_yaml(path: Path, error: MarkedYAMLError) -> str:
    """Return the parser's message with its position, the line where the unfinished construct began, and a hint."""
    begin, mark = error.context_mark, error.problem_mark or error.context_mark
    position = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
    problem = error.problem or error.context or ""
    inside = f", in the part that begins in line {begin.line + 1}" if begin and mark and begin.line < mark.line else ""
    hint = f"; {_HINTS[problem]}" if problem in _HINTS else ""
    return f"{position}: not YAML: {problem}{inside}{hint}"


def _duplicate(path: Path, error: DuplicateKeyError) -> str:
    mark = error.problem_mark
    key = (error.problem or "").split('"')[1]  # found duplicate key "<key>" with value ...
    return f"{path}:{mark.line + 1}:{mark.column + 1}: the key {key!r} occurs twice in one mapping; keep one"


def _content(tree: Any) -> str:
    if tree is None:
        return "is empty"
    return "is a list" if isinstance(tree, CommentedSeq) else f"contains only {str(tree)[:40]!r}"


def _plain(value: Any) -> Any:
    """Return the value without what ruamel.yaml keeps for writing it back: comments, number formats, quotes."""
    if isinstance(value, dict):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    for kind in (bool, int, float, str):  # bool first: it is an int
        if isinstance(value, kind):
            return kind(value)
    return value
