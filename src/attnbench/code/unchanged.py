"""A stage runs the code that its fingerprint describes, from its start until it writes its outputs."""

from collections.abc import Iterator
from contextlib import contextmanager

from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.records import code_sha256
from attnbench.records.io import recordable
from attnbench.study import Study, StudyPaths


@contextmanager
def unchanged(study: Study, paths: StudyPaths, stage: str, variant: str | None = None) -> Iterator[str]:
    """Yield the SHA-256 of the code of this stage; compute results inside the context and write them after it.

    Python reads the source when the stage starts, or later if a function imports it, but the stage `code` may have
    written the fingerprint hours before. So the source is hashed at the start and again at the end.

    Raises:
        UserError: the source or the values of the stage are not those of the fingerprint, the source changed in the
            context, or the stage computed what no record can hold.
    """
    sha256 = _sha256(study, stage, variant)
    if sha256 != code_sha256(fingerprint := paths.code(stage, variant)):
        raise UserError(
            f"the source of stage {stage}, or its values in {study.params}, changed since {fingerprint} was written; "
            f"run `attnbench run {study.name}` again"
        )
    with recordable(stage):
        yield sha256
    if _sha256(study, stage, variant) != sha256:
        raise UserError(
            f"the source of stage {stage} changed while it ran, so its results were not recorded; "
            f"run `attnbench run {study.name}` again"
        )


def _sha256(study: Study, stage: str, variant: str | None) -> str:
    return str(Fingerprints(study).of(stage, variant)["sha256"])
