"""One side of a comparison: the recorded runs of a study, in the working tree or in a git commit."""

import glob
import re
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from attnbench.errors import UserError, did_you_mean, listed, shortened
from attnbench.records import RunRecord, first_problem, require_of
from attnbench.records.files import content as read_file
from attnbench.study import StudyPaths


@dataclass(frozen=True)
class RunSource:
    """Where the runs of `study` are read: in the working tree, or in the commit that `revision` names."""

    study: str
    revision: str | None = None

    def __str__(self) -> str:
        return "in the working tree" if self.revision is None else f"at revision {self.revision}"


@dataclass(frozen=True)
class RunSet:
    """All runs of a source, sorted by file name; `commit` is the SHA that its revision names."""

    source: RunSource
    commit: str | None
    runs: list[RunRecord]


def parse_source(text: str) -> RunSource:
    """Return the source that `STUDY` or `REV:STUDY` names; a revision may contain colons, a study may not.

    Raises:
        UserError: the text has another form.
    """
    revision, colon, study = text.rpartition(":")
    if not re.fullmatch(r"[a-z0-9_]{1,100}", study) or (colon and not revision):
        raise UserError(f"given {shortened(text)!r}; a side is STUDY or REV:STUDY, such as cifar10 or HEAD~3:cifar10")
    return RunSource(study, revision or None)


def read_runs(source: RunSource, root: Path) -> RunSet:
    """Read the records of all runs of a source, without checking anything out. `root` is the repository.

    Raises:
        UserError: no such revision, no runs of that study, or a file that is not the record of the run in its name.
    """
    commit, files = _record_files(source, root, source.study)
    if not files:
        studies = sorted({PurePosixPath(path).parts[1] for path in _record_files(source, root, "*")[1]})
        known = f"there are runs of {listed(studies)}" if studies else "there are none of any study"
        raise UserError(f"no runs of study {source.study!r} {source}; {known}{did_you_mean(source.study, studies)}")
    return RunSet(source, commit, [_parse(source, path, text) for path, text in sorted(files.items())])


def _record_files(source: RunSource, root: Path, study: str) -> tuple[str | None, dict[str, bytes]]:
    """Return the commit, if any, and the content of the study's run records by their paths from the root."""
    pattern = (StudyPaths(study).runs / "*.json").as_posix()
    if source.revision is None:
        return None, {path.relative_to(root).as_posix(): read_file(path) for path in root.glob(pattern)}
    # imported here: DVC takes half a second. Its git reader also resolves names of experiments; `DVCFileSystem` would
    # validate every dvc.yaml of the commit first, and refuse the commit if one of them is invalid by today's rules
    from dvc.scm import SCM, SCMError, resolve_rev  # noqa: PLC0415
    from scmrepo.exceptions import SCMError as GitError  # noqa: PLC0415

    try:
        with closing(SCM(str(root))) as git:
            commit = git.resolve_rev(f"{resolve_rev(git, source.revision)}^{{commit}}")
            tree, folder = git.get_fs(commit), root.resolve().relative_to(Path(git.root_dir).resolve()).as_posix()
            paths = tree.glob(f"{glob.escape(folder)}/{pattern}")
            return commit, {PurePosixPath(path).relative_to(folder).as_posix(): tree.read_bytes(path) for path in paths}
    except (SCMError, GitError) as error:
        raise UserError(
            f"revision {source.revision!r} cannot be read in {root}: {error}; `git log --oneline` lists the commits"
        ) from None


def _parse(source: RunSource, path: str, text: bytes) -> RunRecord:
    try:
        record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        advice = "repeat the run" if source.revision is None else "compare a commit with records in the current format"
        raise UserError(f"{path} {source} is not a RunRecord: {first_problem(error)}; {advice}") from None
    require_of(record, f"{path} {source}", "Name it after its run", study=source.study, run=PurePosixPath(path).stem)
    return record
