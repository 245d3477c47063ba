"""What a dvc.lock holds: the MD5 of every file that a stage read and wrote."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from attnbench.errors import UserError
from attnbench.records import first_problem


@dataclass(frozen=True)
class Entry:
    """One stage as it last ran: path from the repository root -> MD5, of what it read and of what it wrote."""

    reads: dict[str, str]
    writes: dict[str, str]


class _File(BaseModel):
    path: str
    md5: str = ""  # missing for what is not hashed so, such as a file on a server


class _Stage(BaseModel):
    deps: list[_File] = []
    outs: list[_File] = []


class _Lock(BaseModel):
    stages: dict[str, _Stage]


def read(path: Path) -> dict[str, Entry]:
    """Return the entries of a dvc.lock by the names of their stages, such as `train@se-0`.

    DVC itself is not asked: it takes seconds, and its own lock.

    Raises:
        FileNotFoundError: there is none.
        UserError: it is no dvc.lock.
    """
    try:
        found = _Lock.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
    except (YAMLError, UnicodeDecodeError) as error:
        raise _broken(path, " ".join(str(error).split())) from None
    except ValidationError as error:
        raise _broken(path, first_problem(error)) from None
    return {name: Entry(_by_path(stage.deps), _by_path(stage.outs)) for name, stage in found.stages.items()}


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as DVC writes it, 32 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _by_path(files: list[_File]) -> dict[str, str]:
    return {file.path: file.md5 for file in files}


def _broken(path: Path, why: str) -> UserError:
    return UserError(f"{path} cannot be read: {why}. Take back the last good one with `git checkout {path}`")
