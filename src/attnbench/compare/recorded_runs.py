"""The runs of a study that can be repeated: those with a record and an entry in dvc.lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from attnbench import records
from attnbench.records import RunRecord
from attnbench.study import Study, StudyPaths, run_name

T = TypeVar("T")


@dataclass(frozen=True)
class RecordedRun:
    """A finished run: its record, and path -> MD5 of all its outputs in dvc.lock."""

    record: RunRecord
    outputs: dict[str, str]

    @property
    def name(self) -> str:
        """The name as in `train@<name>`."""
        return run_name(self.record.variant, self.record.seed)

    @property
    def record_path(self) -> str:
        """The file of the record, from the repository root."""
        return StudyPaths(self.record.study).record(self.record.variant, self.record.seed).as_posix()

    @property
    def repeatable(self) -> dict[str, str]:
        """The outputs that a repetition must reproduce: all but the timing, which never repeats."""
        timings = StudyPaths(self.record.study).timings
        return {path: md5 for path, md5 in self.outputs.items() if not Path(path).is_relative_to(timings)}


def recorded_runs(study: Study, root: Path, locked: dict[str, dict[str, str]]) -> list[list[RecordedRun]]:
    """Return the recorded runs of each variant, variants in the order of params.yaml and runs in the order of seeds.

    Raises:
        UserError: a record is unreadable, or is that of another run.
    """
    return [
        [run for seed in study.seeds if (run := _recorded_run(study, root, locked, variant, seed))]
        for variant in study.variants
    ]


def choose(variants: Sequence[Sequence[T]], count: int) -> list[T]:
    """Return `count` runs, or all if there are fewer; no variant gets a second run before every variant has its first.

    If only some variants get a run in the last round, they are evenly spaced over the study's list.
    """
    chosen: list[T] = []
    for index in range(max((len(runs) for runs in variants), default=0)):
        candidates = [runs[index] for runs in variants if len(runs) > index]
        number = min(count - len(chosen), len(candidates))
        chosen += [candidates[(2 * i + 1) * len(candidates) // (2 * number)] for i in range(number)]
    return chosen


def _recorded_run(
    study: Study, root: Path, locked: dict[str, dict[str, str]], variant: str, seed: int
) -> RecordedRun | None:
    path = StudyPaths(study.name).record(variant, seed)
    name = run_name(variant, seed)
    outputs = locked.get(f"train@{name}", {})
    if path.as_posix() not in outputs or not (root / path).is_file():
        return None
    record = records.read(root / path, RunRecord)
    advice = f"Restore the right one with `git checkout {path}`"
    records.require_of(record, path, advice, study=study.name, run=name)
    return RecordedRun(record, outputs)
