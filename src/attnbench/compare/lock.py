"""The MD5 of every file that a stage wrote, as a dvc.lock has it."""

import hashlib
from pathlib import Path

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from attnbench.errors import UserError
from attnbench.records import first_problem


class _File(BaseModel):
    path: str
    md5: str = ""  # absent if DVC hashes the file in another way, such as a file on a server


class _Stage(BaseModel):
    outs: list[_File] = []


class _Lock(BaseModel):
    stages: dict[str, _Stage]


def read_lock(path: Path) -> dict[str, dict[str, str]]:
    """Return the outputs of each stage: stage name, such as `train@se-0` -> path from the repository root -> MD5.

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
    return {name: {file.path: file.md5 for file in stage.outs} for name, stage in stages.items()}


def md5_of(path: Path) -> str:
    """Return the MD5 of a file as DVC writes it, 32 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _broken(path: Path, reason: str) -> UserError:
    return UserError(f"{path} cannot be read: {reason}. Restore the last good version with `git checkout {path}`")
