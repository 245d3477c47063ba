"""One side of a comparison: recorded runs and costs of a study, in the working tree or in a git commit."""

import glob
import re
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from attnbench.errors import UserError, did_you_mean, listed, shortened
from attnbench.records import CostRecord, LatencyRecord, RunRecord, first_problem, require_of
from attnbench.records.files import content
from attnbench.study import StudyPaths, run_name
from attnbench.study.named_studies import PARAMS

R = TypeVar("R", CostRecord, LatencyRecord)


class _Names(BaseModel):
    """What names the runs in a params.yaml, and what is declared about another study's."""

    name: str
    variants: dict[str, Any]
    seeds: list[int]
    baseline: str | None = None
    interactions: dict[str, list[str]] = {}


@dataclass(frozen=True)
class RunSource:
    """Where the runs of `study` are read: in the working tree, or in the commit that `revision` names."""

    study: str
    revision: str | None = None

    def __str__(self) -> str:
        return "in the working tree" if self.revision is None else f"at revision {self.revision}"


@dataclass(frozen=True)
class RunSet:
    """The runs of a source that its params.yaml names, sorted by file name.

    `commit` is the SHA that its revision names. `leftover` are the names of recorded runs whose variant or seed is no
    longer in params.yaml. `baseline` and `interactions` are those of params.yaml. Where the study has none any more,
    all recorded runs count, and nothing is declared. Costs are by variant; a cost or latency record in another format
    counts as missing, since accuracies need none.
    """

    source: RunSource
    commit: str | None
    runs: list[RunRecord]
    leftover: list[str]
    costs: dict[str, CostRecord]
    latency: LatencyRecord | None
    baseline: str | None = None
    interactions: Mapping[str, list[str]] = field(default_factory=dict)


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
    """Read the records of the runs of a source, without checking anything out. `root` is the repository.

    Raises:
        UserError: no such revision, no runs of that study, a file that is not the record of the run in its name, or a
            params.yaml that is not YAML.
    """
    commit, files = read_files(source, root, _records(source.study))
    if not files:
        studies = sorted({PurePosixPath(path).parts[1] for path in read_files(source, root, _records("*"))[1]})
        known = f"there are runs of {listed(studies)}" if studies else "there are none of any study"
        raise UserError(f"no runs of study {source.study!r} {source}; {known}{did_you_mean(source.study, studies)}")
    advice = "repeat the run" if source.revision is None else "compare a commit with records in the current format"
    runs = [parse_record(path, text, source.study, f"{source}", advice) for path, text in sorted(files.items())]
    names = _names(source, root)
    left = [
        run_name(run.variant, run.seed)
        for run in runs
        if names is not None and not (run.variant in names.variants and run.seed in names.seeds)
    ]
    if len(left) == len(runs):
        raise UserError(
            f"no run of study {source.study!r} {source} has a variant and a seed that its params.yaml names"
        )
    paths = StudyPaths(source.study)
    costs = _readable(CostRecord, read_files(source, root, (paths.costs / "*.json").as_posix())[1])
    latency = _readable(LatencyRecord, read_files(source, root, paths.latency.as_posix())[1])
    return RunSet(
        source=source,
        commit=commit,
        runs=[run for run in runs if run_name(run.variant, run.seed) not in left],
        leftover=left,
        costs={cost.variant: cost for cost in costs},
        latency=next(iter(latency), None),
        baseline=names.baseline if names else None,
        interactions=names.interactions if names else {},
    )


def _readable(kind: type[R], files: dict[str, bytes]) -> list[R]:
    """Return the records among the files, without those in another format."""
    records = []
    for text in files.values():
        with suppress(ValidationError):
            records.append(kind.model_validate_json(text))
    return records


def _records(study: str) -> str:
    return (StudyPaths(study).runs / "*.json").as_posix()


def _names(source: RunSource, root: Path) -> _Names | None:
    """Return what the params.yaml of a source names, or None if it has none.

    Nothing else of it is read: that of an old commit need not be valid by today's rules.
    """
    for pattern in (f"studies/{source.study}/{PARAMS}", PARAMS):
        for path, text in read_files(source, root, pattern)[1].items():
            try:
                names = _Names.model_validate(YAML(typ="safe").load(text))
            except ValidationError as error:
                raise UserError(f"{path} {source} names no runs: {first_problem(error)}; mend it") from None
            except (YAMLError, UnicodeDecodeError, RecursionError):
                raise UserError(f"{path} {source} is not YAML, so it names no runs; mend it") from None
            if names.name == source.study:
                return names
    return None


def read_files(source: RunSource, root: Path, *patterns: str) -> tuple[str | None, dict[str, bytes]]:
    """Return the commit, if any, and the content of the files that match, by their paths from the root.

    To open git takes longer than to read a file: ask for all files at once.

    Raises:
        UserError: no such revision.
    """
    if source.revision is None:
        paths_here = (path for pattern in patterns for path in root.glob(pattern))
        return None, {path.relative_to(root).as_posix(): content(path) for path in paths_here}
    # imported here: DVC takes half a second. Its git reader also resolves names of experiments; `DVCFileSystem` would
    # validate every dvc.yaml of the commit first, and refuse the commit if one of them is invalid by today's rules
    from dvc.scm import SCM, SCMError, resolve_rev  # noqa: PLC0415
    from scmrepo.exceptions import SCMError as GitError  # noqa: PLC0415

    try:
        with closing(SCM(str(root))) as git:
            commit = git.resolve_rev(f"{resolve_rev(git, source.revision)}^{{commit}}")
            tree, folder = git.get_fs(commit), root.resolve().relative_to(Path(git.root_dir).resolve()).as_posix()
            paths = [path for pattern in patterns for path in tree.glob(f"{glob.escape(folder)}/{pattern}")]
            return commit, {PurePosixPath(path).relative_to(folder).as_posix(): tree.read_bytes(path) for path in paths}
    except (SCMError, GitError) as error:
        raise UserError(
            f"revision {source.revision!r} cannot be read in {root}: {error}; `git log --oneline` lists the commits"
        ) from None


def parse_record(path: str, text: bytes, study: str, where: str, advice: str) -> RunRecord:
    """Return the record of a run of a study; `where` is the side of its file, `advice` what to do if it is no record.

    Raises:
        UserError: it is not the record of the run in its name.
    """
    try:
        record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        raise UserError(f"{path} {where} is not a RunRecord: {first_problem(error)}; {advice}") from None
    require_of(record, f"{path} {where}", "Name it after its run", study=study, run=PurePosixPath(path).stem)
    return record
