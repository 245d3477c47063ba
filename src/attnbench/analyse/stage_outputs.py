"""Files that a stage writes for each variant or run: all of them, or a message with the command that makes them."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import AblationRecord, CostRecord, MapsRecord, RobustnessRecord, RunRecord
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro

R = TypeVar("R", CostRecord, AblationRecord, RobustnessRecord, MapsRecord)
Evaluation = TypeVar("Evaluation", AblationRecord, RobustnessRecord, MapsRecord)


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
    """Return the record of each name, which is that of a variant for costs, and otherwise of a run.

    Raises:
        UserError: a record is missing, damaged, or that of another study, variant or run.
    """
    require_files(study, stage, files)
    read = [records.read(path, kind) for path in files.values()]
    for record, (name, path) in zip(read, files.items(), strict=True):
        variant, run = (name, None) if isinstance(record, CostRecord) else (None, name)
        records.require_of(record, path, again(study, stage, name), study=study.name, variant=variant, run=run)
    return read


def read_evaluations(
    study: Study,
    paths: StudyPaths,
    stage: str,
    kind: type[Evaluation],
    path_of: Callable[[str, int], Path],
    runs: Sequence[RunRecord],
) -> list[Evaluation]:
    """Return what a stage has found out about every run, in the order of the runs; `path_of` takes variant and seed.

    Raises:
        UserError: a record is missing, damaged, that of another run, or was made from other weights.
    """
    files = {run_name(run.variant, run.seed): path_of(run.variant, run.seed) for run in runs}
    evaluations = read_records(study, stage, kind, files)
    for run, evaluation, (name, path) in zip(runs, evaluations, files.items(), strict=True):
        if evaluation.checkpoint_sha256 != run.checkpoint_sha256:
            weights = paths.record(run.variant, run.seed)
            raise UserError(f"{path} was made from other weights than {weights}. {again(study, stage, name)}")
    return evaluations


def again(study: Study, stage: str, name: str) -> str:
    """Return the advice to make a file again."""
    return f"Delete it, and make it again with: {repro(study, [f'{stage}@{name}'])}"
