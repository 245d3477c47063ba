"""A side of a comparison: the records of a study, in the working tree or in a commit."""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from attnbench.compare import trees
from attnbench.compare.trees import Tree
from attnbench.errors import UserError, did_you_mean, listed
from attnbench.records import RunRecord, first_problem
from attnbench.study.paths import StudyPaths, run_name


@dataclass(frozen=True)
class Side:
    """The runs of `study` in the working tree, or as the commit that `revision` names has them."""

    study: str
    revision: str | None = None

    @property
    def where(self) -> str:
        """Where the records are, as words."""
        return "in the working tree" if self.revision is None else f"at revision {self.revision}"


@dataclass(frozen=True)
class SideRuns:
    """What a side has: its records, sorted by the names of their files, and the commit that its revision meant."""

    side: Side
    commit: str | None
    runs: list[RunRecord]


def parse_side(text: str) -> Side:
    """Return the side that `STUDY` or `REV:STUDY` names; a revision may hold colons itself, a study may not.

    Raises:
        UserError: the text has another form.
    """
    revision, colon, study = text.rpartition(":")
    if not re.fullmatch(r"[a-z0-9_]+", study) or (colon and not revision):
        raise UserError(f"given {text!r}; a side is STUDY or REV:STUDY, such as cifar10 or HEAD~3:cifar10")
    return Side(study, revision or None)


def read_side(side: Side, root: Path) -> SideRuns:
    """Return the records of all runs that a side has.

    Raises:
        UserError: no such revision, no runs of that study, or a file that is no record of the run it is named after.
    """
    tree: Tree = trees.WorkingTree(root) if side.revision is None else trees.commit(root, side.revision)
    paths = _of_study(tree, side)
    runs = [_record(side, path, text) for path, text in zip(paths, tree.read(paths), strict=True)]
    return SideRuns(side, tree.sha, runs)


def _of_study(tree: Tree, side: Side) -> list[str]:
    runs = StudyPaths(side.study).runs.as_posix()
    found = [path for path in tree.paths(runs) if PurePosixPath(path).match(f"{runs}/*.json")]
    if not found:
        pattern = StudyPaths("*").runs / "*.json"
        others = (PurePosixPath(path) for path in tree.paths("results"))
        known = sorted({path.parts[1] for path in others if path.match(str(pattern))})
        there = f"there are runs of {listed(known)}" if known else "there are none of any study"
        raise UserError(f"no runs of study {side.study!r} {side.where}; {there}{did_you_mean(side.study, known)}")
    return found


def _record(side: Side, path: str, text: bytes) -> RunRecord:
    try:
        record = RunRecord.model_validate_json(text)
    except ValidationError as error:
        advice = "make the run anew" if side.revision is None else "compare a commit whose records have today's fields"
        raise UserError(f"{path} {side.where} is not a RunRecord: {first_problem(error)}; {advice}") from None
    name = run_name(record.variant, record.seed)
    if (record.study, name) != (side.study, PurePosixPath(path).stem):
        raise UserError(
            f"{path} {side.where} is the record of run {name} of study {record.study!r}; name it after its run"
        )
    return record
