"""What DVC has recorded: the stages in a dvc.lock, and the MD5 of every file that a stage wrote."""

import hashlib
import re
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from attnbench.errors import UserError
from attnbench.records.io import first_problem
from attnbench.study.paths import relative_to_cwd

Entry = dict[str, Any]  # of one stage in a dvc.lock: cmd, deps, params, outs


HEAD = "schema: '2.0'\nstages:\n"  # how a dvc.lock begins
ENTRY = re.compile(r"^  \S.*:$", re.MULTILINE)  # the line with which an entry begins
_CONFLICT = re.compile(r"^(<{7}|={7}|>{7})( |$)", re.MULTILINE)


class _File(BaseModel):
    path: str
    md5: str = ""  # absent if DVC hashes the file in another way, such as a file on a server


class _Stage(BaseModel):
    outs: list[_File] = []


class _Lock(BaseModel):
    stages: dict[str, _Stage]


def read_entries(path: Path) -> dict[str, Entry]:
    """Return the entry of each stage by its name, such as `train@se-0`.

    The file is read directly: loading a DVC repository takes seconds, and DVC's lock. DVC writes the file in place, so
    it may be read while it is incomplete; then entries are missing, and the last one may be cut short.

    Raises:
        FileNotFoundError: the file does not exist.
        UserError: the file is not a dvc.lock; the text has the remedy.
    """
    shown = relative_to_cwd(path)
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise
    except (ValueError, OSError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or error
        raise UserError(f"{shown} cannot be read: {reason}. {remedy(path)}") from None


def remedy(path: Path) -> str:
    """Return what to do about a dvc.lock that is damaged."""
    return f"Restore the last good version with `git checkout HEAD -- {relative_to_cwd(path)}`"


def parse(text: str) -> dict[str, Entry]:
    """Return the entry of each stage in the text of a dvc.lock.

    Raises:
        ValueError: the text is not that of a dvc.lock; the message says why.
    """
    if conflict := _CONFLICT.search(text):
        raise ValueError(
            f"git left a conflict in it, first in line {text.count(chr(10), 0, conflict.start()) + 1}. Where the two "
            "sides have entries of different runs, keep both and delete the lines <<<<<<<, ======= and >>>>>>>; "
            "otherwise keep one side. What then lacks an entry is run again"
        )
    try:
        content = YAML(typ="safe").load(text)
        _Lock.model_validate(content)
    except YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    except ValidationError as error:
        raise ValueError(first_problem(error)) from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None
    entries: dict[str, Entry] = content["stages"]
    return entries


def read_lock(path: Path) -> dict[str, dict[str, str]]:
    """Return the outputs of each stage: stage name -> path from the repository root -> MD5.

    Raises:
        FileNotFoundError: the file does not exist.
        UserError: the file is not a dvc.lock.
    """
    return {name: outputs(entry) for name, entry in read_entries(path).items()}


def outputs(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that an entry names: path from the repository root -> MD5."""
    return {file.path: file.md5 for file in _Stage.model_validate(entry).outs}


def with_entries(text: str, entries: Mapping[str, str]) -> str:
    """Return the text of a dvc.lock with these entries, as DVC writes it: those that it has are replaced.

    An entry begins with its own line, `  train@se-0:`, and ends with a newline. The others are not parsed, so this
    takes hardly longer for a thousand runs than for one.

    Raises:
        ValueError: the text has more than a schema and stages.
    """
    if text and (not text.startswith(HEAD) or re.search(r"^\S", text[len(HEAD) :], re.MULTILINE)):
        raise ValueError("not a schema and stages alone")
    return HEAD + "".join({**blocks(text), **entries}.values())


def blocks(text: str) -> dict[str, str]:
    """Return the text of each entry of a dvc.lock that has a schema and stages, by the name of its stage."""
    starts = [match.start() for match in ENTRY.finditer(text)]
    parts = [text[start:end] for start, end in pairwise([*starts, len(text)])]
    return {part.partition("\n")[0].strip().removesuffix(":"): part for part in parts}


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as DVC writes it, 32 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, _md5).hexdigest()


def md5(content: bytes) -> str:
    """Return the MD5 of a file with this content as DVC writes it."""
    return _md5(content).hexdigest()


def _md5(content: bytes = b"") -> "hashlib._Hash":
    return hashlib.md5(content, usedforsecurity=False)
