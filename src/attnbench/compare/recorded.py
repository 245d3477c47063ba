"""The runs of a study that can be repeated: those with a record, which dvc.lock holds too."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from attnbench import records
from attnbench.compare import lock
from attnbench.errors import UserError
from attnbench.records import RunRecord
from attnbench.study.paths import StudyPaths, run_name
from attnbench.study.schema import Study

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """A finished run: its record, and what dvc.lock has of it."""

    record: RunRecord
    locked: lock.Entry

    @property
    def name(self) -> str:
        """The name as in `train@<name>`."""
        return run_name(self.record.variant, self.record.seed)

    @property
    def record_path(self) -> str:
        """The file of the record, from the repository root."""
        return StudyPaths(self.record.study).record(self.record.variant, self.record.seed).as_posix()


def runs(plan: Study, root: Path, locked: dict[str, lock.Entry]) -> list[list[Run]]:
    """Return for each variant of the study, in its order, the recorded runs in the order of the seeds.

    Raises:
        UserError: a record has other fields than today's.
    """
    return [[run for seed in plan.seeds if (run := _run(plan, root, locked, name, seed))] for name in plan.variants]


def choose(variants: Sequence[Sequence[T]], count: int) -> list[T]:
    """Return `count` runs, or all where there are fewer: no second seed of a variant before each has its first.

    Where only some variants have their turn, they are evenly spaced over the study's list.
    """
    chosen: list[T] = []
    for turn in range(max((len(each) for each in variants), default=0)):
        there = [each[turn] for each in variants if len(each) > turn]
        wanted = min(count - len(chosen), len(there))
        chosen += [there[(2 * index + 1) * len(there) // (2 * wanted)] for index in range(wanted)]
    return chosen


def _run(plan: Study, root: Path, locked: dict[str, lock.Entry], variant: str, seed: int) -> Run | None:
    path = StudyPaths(plan.name).record(variant, seed)
    entry = locked.get(f"train@{run_name(variant, seed)}")
    if entry is None or path.as_posix() not in entry.writes or not (root / path).is_file():
        return None
    record = records.read(root / path, RunRecord)
    if (record.study, record.variant, record.seed) != (plan.name, variant, seed):
        raise UserError(
            f"{path} is the record of {run_name(record.variant, record.seed)} of study {record.study!r}; "
            f"take back the right one with `git checkout {path}`"
        )
    return Run(record, entry)
