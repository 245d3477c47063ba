"""The weights and predictions of a finished run, held to what its record says of them."""

from pathlib import Path

from attnbench.errors import UserError
from attnbench.records import files
from attnbench.records.io import read
from attnbench.records.runs import RunRecord
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro


def read_trained(study: Study, paths: StudyPaths, variant: str, seed: int) -> RunRecord:
    """Return the record of a run whose checkpoint and predictions are the files that it names.

    Raises:
        UserError: one of them is missing, or is that of another run.
    """
    path = paths.record(variant, seed)
    record = read(path, RunRecord)
    for file, sha256 in (
        (paths.checkpoint(variant, seed), record.checkpoint_sha256),
        (paths.predictions(variant, seed), record.predictions_sha256),
    ):
        require_of_record(file, sha256, path, study, run_name(variant, seed))
    return record


def require_of_record(file: Path, sha256: str, record: Path, study: Study, run: str) -> None:
    """Check that a file of a run is the one that its record names.

    Raises:
        UserError: it is missing, or has another SHA-256.
    """
    stage = f"train@{run}"
    if not file.is_file():
        raise UserError(f"{file} is missing; `{repro(study, [stage])}` makes it (or `dvc pull` with a remote)")
    if (own := files.sha256_of(file)) != sha256:
        raise UserError(
            f"{file} has the SHA-256 {own[:12]}, but {record} says {sha256[:12]}: it is damaged, or that of another "
            f"run. Restore it with `dvc checkout {file}`, or train again with `{repro(study, [stage], force=True)}`"
        )
