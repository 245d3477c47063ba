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
class LockedStage:
    """A stage as it last ran: path from the repository root -> MD5, of what it read and of what it wrote."""

    reads: dict[str, str]
    writes: dict[str, str]


class _File(BaseModel):
    path: str
    md5: str = ""  # absent if DVC hashes the file in another way, such as a file on a server


class _Stage(BaseModel):
    deps: list[_File] = []
    outs: list[_File] = []


class _Lock(BaseModel):
    stages: dict[str, _Stage]


def read_lock(path: Path) -> dict[str, LockedStage]:
    """Return the stages of a dvc.lock by name, such as `train@se-0`.

    The file is read directly: loading a DVC repository takes seconds, and DVC's lock.

    Raises:
        FileNotFoundError: the file does not exist.
        UserError: the file is not a dvc.lock.
    """
    try:
        stages = _Lock.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8"))).stages
    except (YAMLError, UnicodeDecodeError) as error:
        raise _broken(path, " ".join(str(error).split())) from None
    except ValidationError as error:
        raise _broken(path, first_problem(error)) from None
    return {name: LockedStage(_md5s(stage.deps), _md5s(stage.outs)) for name, stage in stages.items()}


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as DVC writes it, 32 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _md5s(files: list[_File]) -> dict[str, str]:
    return {file.path: file.md5 for file in files}


def _broken(path: Path, reason: str) -> UserError:
    return UserError(f"{path} cannot be read: {reason}. Restore the last good version with `git checkout {path}`")
