"""Files that a stage writes for each variant or run: all of them, or a message with the command that makes them."""

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import AblationRecord, CostRecord
from attnbench.study import Study
from attnbench.study.paths import repro

R = TypeVar("R", CostRecord, AblationRecord)


def require_files(study: Study, stage: str, files: Mapping[str, Path]) -> None:
    """Check that stage `<stage>@<name>` has written its file, for each name.

    Raises:
        UserError: files are missing; the text has the command that makes them.
    """
    missing = [name for name, path in files.items() if not path.is_file()]
    if missing:
        others = f" and {len(missing) - 1} others are" if len(missing) > 1 else " is"
        command = repro(study, [f"{stage}@{name}" for name in missing])
        raise UserError(f"{files[missing[0]]}{others} missing. Make what is missing with: {command}")


def read_records(study: Study, stage: str, kind: type[R], files: Mapping[str, Path]) -> list[R]:
    """Return the record of each name, which is that of a variant for costs, and of a run for ablations.

    Raises:
        UserError: a record is missing, damaged, or that of another study, variant or run.
    """
    require_files(study, stage, files)
    read = [records.read(path, kind) for path in files.values()]
    for record, (name, path) in zip(read, files.items(), strict=True):
        variant, run = (name, None) if isinstance(record, CostRecord) else (None, name)
        records.require_of(record, path, again(study, stage, name), study=study.name, variant=variant, run=run)
    return read


def again(study: Study, stage: str, name: str) -> str:
    """Return the advice to make a file again."""
    return f"Delete it, and make it again with: {repro(study, [f'{stage}@{name}'])}"
