"""Reading and writing records: typed JSON documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from attnbench.errors import UserError, shortened
from attnbench.records import files

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0, lt=2**63)]
AtLeastOne = Annotated[int, Field(ge=1, lt=2**63)]
NotNegative = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
ImageShape = tuple[AtLeastOne, AtLeastOne, AtLeastOne]  # (c, h, w)


class Record(BaseModel):
    """A frozen, typed JSON document. An unknown or missing field, another type, NaN and infinity are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)
    ORDERED: ClassVar[tuple[tuple[str, str], ...]] = ()  # pairs of fields, of which the first is at most the second

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        for part, whole in self.ORDERED:
            if getattr(self, part) > getattr(self, whole):
                raise ValueError(f"{part} is {getattr(self, part)}, more than {whole}, {getattr(self, whole)}")
        return self


R = TypeVar("R", bound=Record)


def write(path: Path, record: Record) -> None:
    """Write a record as canonical JSON, all or nothing."""
    files.write_json(path, record.model_dump(mode="json"))


def read(path: Path, kind: type[R]) -> R:
    """Read a record of the given kind.

    Raises:
        UserError: the file is missing, is not JSON, or does not have the fields of `kind`, with values in their ranges.
    """
    try:
        return kind.model_validate_json(files.content(path))
    except ValidationError as error:
        raise UserError(
            f"{path} is not a {kind.__name__}: {first_problem(error)}; restore it with `git checkout`, or "
            f"delete it and run {files.run_command(path)}"
        ) from None


@contextmanager
def recordable(stage: str) -> Iterator[None]:
    """Turn a value that a record cannot hold, such as a loss that is not finite, into a message.

    Raises:
        UserError: the text names the stage, the record and the field.
    """
    try:
        yield
    except ValidationError as error:
        raise UserError(
            f"stage {stage} computed what no {error.title} can hold: {first_problem(error)}; nothing was recorded. If "
            "its weights are damaged, train the run again"
        ) from None


def first_problem(error: ValidationError) -> str:
    """Return the first problem of a document, such as `identity.code: Field required` or `..., given 7.5`."""
    first = error.errors()[0]
    location = ".".join(str(part) for part in first["loc"]) or "the file"
    is_value = first["loc"] and isinstance(first["input"], bool | int | float | str | None)
    return f"{location}: {first['msg']}" + (f", given {shortened(repr(first['input']))}" if is_value else "")
