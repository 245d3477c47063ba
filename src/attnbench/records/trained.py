"""The weights and predictions of a finished run, held to what its record says of them."""

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
    record = read(paths.record(variant, seed), RunRecord)
    stage = f"train@{run_name(variant, seed)}"
    for path, sha256 in (
        (paths.checkpoint(variant, seed), record.checkpoint_sha256),
        (paths.predictions(variant, seed), record.predictions_sha256),
    ):
        if not path.is_file():
            raise UserError(f"{path} is missing; `{repro(study, [stage])}` makes it (or `dvc pull` with a remote)")
        if (own := files.sha256_of(path)) != sha256:
            raise UserError(
                f"{path} has the SHA-256 {own[:12]}, but {paths.record(variant, seed)} says {sha256[:12]}: it is that "
                f"of another run. Train again with: {repro(study, [stage], force=True)}"
            )
    return record
