"""Bringing whole seeds of a study from another clone or revision: what all stages of their runs wrote, and the entries.

All or nothing: everything is checked before anything is written, and dvc.lock is written last.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from attnbench import records
from attnbench.compare.run_sets import RunSource, parse_record, read_files
from attnbench.errors import LISTED, UserError
from attnbench.records import DataSummary, RunRecord, code_sha256
from attnbench.records.lock import Entry, blocks, md5, md5_of, outputs, parse, read_lock
from attnbench.run import pipeline
from attnbench.run.claim import claimed_study
from attnbench.run.project import Brought, Project
from attnbench.study import StudyPaths, repository, run_name
from attnbench.study.repository import LocatedStudy


@dataclass(frozen=True)
class Merged:
    """What a merge did: the seeds that were brought, and those of which the other side lacks variants."""

    seeds: list[int]
    lacking: dict[int, list[str]]  # seed -> variants


class _Side:
    """The files of the study on the other side; paths are those from the root of a repository."""

    def __init__(self, text: str, located: LocatedStudy) -> None:
        folder = Path(text)
        self.root = repository.root_of(folder) if folder.is_dir() else located.root
        self._source = RunSource(located.study.name, None if folder.is_dir() else text)
        self._located = located

    def read(self, *patterns: Path) -> dict[str, bytes]:
        return read_files(self._source, self.root, *(pattern.as_posix() for pattern in patterns))[1]

    def file(self, path: str) -> bytes | Path | None:
        """Return the content of a file of a run in a revision, or where one in a folder is; None if it is not there."""
        if self._source.revision is not None:
            return self._committed.get(path)
        file = self.root / path
        return file if file.is_file() else None  # not its content: weights of all runs may exceed the memory

    @cached_property
    def _committed(self) -> dict[str, bytes]:
        """The files of all runs in a revision, by their paths."""
        study = self._located.study
        stages = [_written(study.name, variant, seed) for variant, seed in study.runs()]
        return self.read(*(path for written in stages for paths in written.values() for path in paths))

    @cached_property
    def lock(self) -> str:
        path = self._located.lock.relative_to(self._located.root)
        return self.read(path).get(path.as_posix(), b"").decode()

    @cached_property
    def entries(self) -> dict[str, Entry]:
        try:
            return parse(self.lock) if self.lock else {}
        except ValueError as error:
            raise UserError(f"the dvc.lock of the other side cannot be read: {error}") from None

    @cached_property
    def texts(self) -> dict[str, str]:
        return blocks(self.lock)


def merge(source: str, name: str | None, here: Path, seeds: Collection[int] | None = None) -> Merged:
    """Bring the seeds that `source`, a folder or a revision, has of all variants and that are not here.

    Raises:
        UserError: the study lacks one of `seeds`, the other side was made from other images, code or values, the runs
            of a seed come from several classes of machine, both sides have a run with different results, files are not
            those of its dvc.lock, or the study is being run.
    """
    located = repository.locate(name, here)
    located.require_seeds(seeds or ())
    paths = located.paths
    with claimed_study(paths):
        other = _Side(source, located)
        records_of_other = _records(other, located)
        if not records_of_other:
            raise UserError(
                f"{source} has no runs of study {located.study.name!r}; name a clone or a revision that has"
            )
        here_locked = read_lock(located.lock) if located.lock.is_file() else {}
        md5s = {path: value for written in here_locked.values() for path, value in written.items()}
        lacking: dict[int, list[str]] = {}
        problems: list[str] = []
        brought: dict[Path, Brought] = {}
        entries: dict[str, str] = {}
        brought_seeds = []
        for seed in [seed for seed in located.study.seeds if seeds is None or seed in seeds]:
            runs = {variant: records_of_other.get((variant, seed)) for variant in located.study.variants}
            present = {variant: run for variant, run in runs.items() if run is not None}
            if len(present) < len(runs):
                if present or seeds is not None:
                    lacking[seed] = [variant for variant, run in runs.items() if run is None]
                continue
            problems += [*_conflicts(present, located, paths), *_machines(seed, present)]
            new = [variant for variant in present if not _is_here(variant, seed, paths, here_locked)]
            for variant in new:
                problems += _collect(other, located, md5s, variant, seed, brought, entries)
            brought_seeds += [seed] if new else []
        if problems:
            more = f"\n  and {len(problems) - LISTED} more" if len(problems) > LISTED else ""
            raise UserError(f"nothing was merged from {source}:\n  " + "\n  ".join(problems[:LISTED]) + more)
        if entries:
            file = pipeline.write_copy(located.root, located.params)
            with Project(located.root, file) as project:
                project.bring(brought, entries)
        return Merged(brought_seeds, lacking)


def _records(other: _Side, located: LocatedStudy) -> dict[tuple[str, int], RunRecord]:
    study = located.study.name
    files = other.read(StudyPaths(study).runs / "*.json")
    side = "of the other side"
    runs = [parse_record(path, text, study, side, "repeat the run there") for path, text in files.items()]
    return {(run.variant, run.seed): run for run in runs}


def _is_here(variant: str, seed: int, paths: StudyPaths, locked: Collection[str]) -> bool:
    """Return whether a run needs not be brought; a merge that was killed has brought its files without its entry."""
    return paths.record(variant, seed).is_file() and f"train@{run_name(variant, seed)}" in locked


def _conflicts(runs: dict[str, RunRecord], located: LocatedStudy, paths: StudyPaths) -> Iterator[str]:
    """Yield how the runs of a seed differ from what would be made here, and from the runs here."""
    images = records.read(paths.data_summary, DataSummary).sha256
    for variant, run in runs.items():
        name = run_name(variant, run.seed)
        code = code_sha256(paths.code("train", variant))
        if changed := run.identity.changed_inputs(located.study, variant, data=images, code=code):
            yield f"{name} was made from other {' and '.join(one.name for one in changed)} than this repository has"
        own = paths.record(variant, run.seed)
        if own.is_file() and (mine := records.read(own, RunRecord)) != run:
            names = [difference.name for difference in run.identity.differences(mine.identity)] or ["results"]
            yield f"{name} is on both sides and differs in {', '.join(names)}; remove one of them"


def _machines(seed: int, runs: dict[str, RunRecord]) -> Iterator[str]:
    first, *others = runs.values()
    for run in others:
        if differences := run.identity.environment.differences(first.identity.environment):
            one = differences[0]
            yield f"seed {seed} has runs of two classes of machine: {one.name} {one.first!r} and {one.second!r}"
            return


def _written(study: str, variant: str, seed: int) -> dict[str, Sequence[Path]]:
    """Return what the stages of a run write: what reads a run is brought with it, and nothing else."""
    run, paths = run_name(variant, seed), StudyPaths(study)
    return {
        f"train@{run}": paths.outputs(variant, seed),
        f"ablate@{run}": [paths.ablation(variant, seed)],
        f"robustness@{run}": [paths.robust(variant, seed)],
        f"maps@{run}": [paths.map_scores(variant, seed)],
    }


def _collect(
    other: _Side,
    located: LocatedStudy,
    md5s: Mapping[str, str],
    variant: str,
    seed: int,
    brought: dict[Path, Brought],
    entries: dict[str, str],
) -> Iterator[str]:
    """Add the files and entries of a run to `brought` and `entries`; yield what is wrong with them.

    `md5s` are those of the files in the dvc.lock that is here.
    """
    run, here, locked = run_name(variant, seed), located.root, other.entries
    written = _written(located.study.name, variant, seed)
    stages = [stage for stage in written if stage in locked]
    if f"train@{run}" not in stages:
        yield f"{run} is not in the dvc.lock of the other side"
    for stage in stages:
        for path, expected in outputs(locked[stage]).items():
            if Path(path) not in written[stage]:
                yield f"{stage} of the other side writes {path}, which that stage does not write here"
                continue
            file = other.file(path)
            if file is None and Path(path).is_relative_to("runs"):  # weights, which a clone lacks
                continue
            if file is None or (md5(file) if isinstance(file, bytes) else md5_of(file)) != expected:
                yield f"{path} of the other side is not what its dvc.lock says"
            else:
                brought[here / path] = Brought(file, expected)
        for dependency in locked[stage].get("deps", []):
            path = dependency["path"]
            own = md5s.get(path) or (md5_of(here / path) if (here / path).is_file() else None)
            if path not in outputs(locked.get(f"train@{run}", {})) and own != dependency.get("md5"):
                yield f"{stage} depends on another {path} than this repository has"
        entries[stage] = other.texts[stage]
