"""Reading a YAML file as plain values, with the line and column of every key.

The cost of reading a file is bounded in advance: its bytes before it is parsed, the depth of brackets while it
is scanned, its values while they are parsed, and with those that aliases repeat before any of them is made.
"""

import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import ConstructorError, DuplicateKeyError, RoundTripConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError, YAMLWarning
from ruamel.yaml.nodes import CollectionNode, MappingNode, Node, ScalarNode
from ruamel.yaml.scanner import RoundTripScanner, ScannerError

from attnbench.errors import UserError, shortened, system_reason

Location = tuple[str | int, ...]  # keys and list indices from the top of the file

BYTES = 2**15  # of a file: ten times the root study's
VALUES = 10_000  # in a file, those that aliases repeat included
DIGITS = 100  # of a whole number; Python writes none of more than 4,300
DEPTH = 50  # of nested brackets
LISTED = 100  # problems in a message

_STUDY = "a study is a mapping, with keys such as `name:` and `variants:`"
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
        if len(lines) == 1:
            return UserError(lines[0])
        head = f"{len(lines)} problems in {self.path}" + (f", the first {LISTED}:" if len(lines) > LISTED else "")
        return UserError("\n".join([head, *lines[:LISTED]]))


def dotted(location: Sequence[str | int]) -> str:
    """Return a location as it is written in messages: `variants.se.stages[1]`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{_shown_key(part)}" for part in location).lstrip(".")


def _shown_key(key: Any) -> str:
    text = shortened(str(key))
    return text if text.isprintable() else ascii(text)


def read(path: Path, expected: str = _STUDY) -> tuple[dict[str, Any], Positions]:
    """Return the values of a YAML mapping as plain Python, and their positions.

    `expected` says what the file should be, for the message that it is no mapping.

    Raises:
        UserError: the file is missing, is not UTF-8 text, is too large, is not YAML, has a key twice, or is not a
            mapping.
    """
    yaml = YAML(typ="rt")
    yaml.Scanner, yaml.Composer, yaml.Constructor = _Scanner, _Composer, _Constructor
    try:
        with warnings.catch_warnings(action="error", category=YAMLWarning):  # one anchor twice
            tree = yaml.load(_text(path))
        values = _plain(tree)
    except (FileNotFoundError, NotADirectoryError):
        raise UserError(f"{path} does not exist; a study is a params.yaml, such as the one at the root") from None
    except IsADirectoryError:
        raise UserError(f"{path} is a folder; give the params.yaml in it") from None
    except OSError as error:
        raise UserError(f"{path} cannot be read: {system_reason(error)}") from None
    except _TooMuch as error:
        raise UserError(f"{path} {error}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    except DuplicateKeyError as error:
        raise UserError(_duplicate(path, error)) from None
    except MarkedYAMLError as error:
        raise UserError(_not_yaml(path, error)) from None
    except (YAMLError, YAMLWarning) as error:
        raise UserError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise UserError(f"{path}: nested too deeply, or a YAML alias in it refers to itself") from None
    if not isinstance(tree, CommentedMap):
        raise UserError(f"{path} {_content(tree)}; {expected}")
    return values, Positions(path, tree)


class _TooMuch(Exception):
    """The file is larger than any study needs; the text says how."""


def _text(path: Path) -> str:
    """Return the text of a file, of which no more is read than is allowed."""
    if not stat.S_ISREG(mode := path.stat().st_mode) and not stat.S_ISDIR(mode):
        raise _TooMuch("is a device or a pipe; a study is a regular file")
    with path.open("rb") as stream:
        content = stream.read(BYTES + 1)
    if len(content) > BYTES:
        raise _TooMuch(f"is {path.stat().st_size:,} bytes long; allowed: at most {BYTES:,}")
    return content.decode("utf-8")


class _Scanner(RoundTripScanner):
    """A scanner that ends at brackets nested too deeply, since it looks ahead through all of them, and at tags.

    A study needs no tag (`!!int`) and no directive (`%YAML`), and those that fit no value end in bugs of the parser.
    """

    def fetch_more_tokens(self) -> Any:
        if self.flow_level > DEPTH:
            raise RecursionError
        return super().fetch_more_tokens()

    def fetch_tag(self) -> None:
        self._refuse("text that begins with `!` needs quotes; YAML's tags are not allowed")

    def fetch_directive(self) -> None:
        self._refuse("text that begins with `%` needs quotes; YAML's directives are not allowed")

    def _refuse(self, problem: str) -> NoReturn:
        raise ScannerError(None, None, problem, self.reader.get_mark())


class _Composer(Composer):
    """A composer that ends at too many values: parsing takes a second for a list of 15,000."""

    composed = 0

    def compose_node(self, parent: Any, index: int) -> Any:
        self.composed += 1
        if self.composed > VALUES:
            raise _TooMuch(f"has more than {VALUES:,} values")
        return super().compose_node(parent, index)


class _Constructor(RoundTripConstructor):
    """A constructor that makes nothing if the document, with its aliases replaced, has too many values."""

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        if isinstance(node, ScalarNode) and node.tag == "tag:yaml.org,2002:int" and len(node.value) > DIGITS:
            problem = f"a number of {len(node.value):,} digits; allowed: at most {DIGITS}"
            raise ConstructorError(None, None, problem, node.start_mark)
        try:
            return super().construct_object(node, deep)
        except ValueError as error:  # the date 2001-99-99
            raise ConstructorError(None, None, f"{error}", node.start_mark) from None

    def construct_document(self, node: Node) -> Any:
        values = _count(node, {})
        if values > VALUES:
            raise _TooMuch(f"has {values:,} values, with those that its aliases repeat; allowed: at most {VALUES:,}")
        return super().construct_document(node)


def _count(node: Any, counted: dict[int, int]) -> int:
    """Return the number of values in a node; `counted` has those of nodes seen before, by identity."""
    if not isinstance(node, CollectionNode):
        return 1
    if id(node) not in counted:
        counted[id(node)] = VALUES + 1  # an alias to itself
        children = [child for item in node.value for child in (item if isinstance(item, tuple) else (item,))]
        if isinstance(node, MappingNode):
            _check_keys(node)
        counted[id(node)] = 1 + sum(_count(child, counted) for child in children)
    return counted[id(node)]


def _check_keys(node: MappingNode) -> None:
    for key, _ in node.value:
        if isinstance(key, CollectionNode):
            raise ConstructorError(None, None, "a key must be text, not a list or a mapping", key.start_mark)


def _not_yaml(path: Path, error: MarkedYAMLError) -> str:
    """Return the parser's message with its position, the line where the unfinished construct began, and a hint."""
    begin, mark = error.context_mark, error.problem_mark or error.context_mark
    position = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else f"{path}"
    problem = shortened(" ".join((error.problem or error.context or "").split()), 200)
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
