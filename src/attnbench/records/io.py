"""Reading and writing records: typed JSON documents."""

from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from attnbench.errors import UserError
from attnbench.records import files


class Record(BaseModel):
    """A frozen, typed JSON document; an unknown or missing field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


R = TypeVar("R", bound=Record)


def write(path: Path, record: Record) -> None:
    """Write a record as canonical JSON, all or nothing."""
    files.write_json(path, record.model_dump(mode="json"))


def read(path: Path, kind: type[R]) -> R:
    """Read a record of the given kind.

    Raises:
        UserError: the file is missing, is not JSON, or does not have the fields of `kind`.
    """
    try:
        return kind.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` makes it") from None
    except ValidationError as error:
        raise UserError(
            f"{path} is not a {kind.__name__}: {first_problem(error)}; delete it and run `dvc repro`"
        ) from None


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a document, such as `identity.code: Field required`."""
    first = error.errors()[0]
    location = ".".join(str(part) for part in first["loc"]) or "the file"
    return f"{location}: {first['msg']}"
