"""Reproduce a study with DVC, independent stages in parallel.

DVC itself runs one stage after another. Several `dvc repro -s` may run at once if none of them writes what another
reads, so the stages go in waves: all stale stages whose inputs are up to date, then those that have become ready. Runs
go seed by seed, so that what an interrupted night leaves are whole blocks: one seed with all variants.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from attnbench.data import source_files
from attnbench.errors import UserError, first_few
from attnbench.records.states import release_recorded
from attnbench.report.overview import write_overview
from attnbench.run import devices, graph, lost_entries, memory, pipeline
from attnbench.run.devices import Environment
from attnbench.run.graph import Stage
from attnbench.run.jobs import DiskFullError, Job, run_jobs, say
from attnbench.study import Study, repository
from attnbench.study.paths import StudyPaths, run_name

PREPARATION = {"code", "data", "cost", "ready"}  # they take seconds, and are repeated without loss
LISTED = 8  # stages in a message


def reproduce(name: str | None, jobs: int | None, folder: Path, *, allow_missing: bool = False) -> bool:
    """Bring a study up to date; return whether every stage succeeded.

    `name` is that of a study, None the one at the root. `jobs` is how many stages run in parallel; by default as many
    as the usable cores allow with the study's number of threads, but no more runs than fit into memory. `folder` is any
    folder of the repository.
    With `allow_missing` results in git count although their weights are absent, so that only what changed is trained.

    Raises:
        UserError: no such study, an invalid params.yaml, or a DVC project that cannot be read.
    """
    located = repository.locate(name, folder)
    root, study, workers = located.root, located.study, jobs or located.workers
    report = StudyPaths(study.name).report / "REPORT.md"
    logs = Path("work") / study.name / "log"
    is_new = not located.params.with_name(repository.PIPELINE).exists()
    file = pipeline.write_copy(root, located.params)
    read_stages = partial(_read_stages, root, file, StudyPaths(study.name, root), allow_missing=allow_missing)
    stages = read_stages()
    if not any(stage.stale for stage in stages):
        write_overview(root)
        say(f"{study.name} is up to date: {report}")
        return True
    say(f"{study.name}: up to {workers} stages in parallel; logs in {logs}/")
    environments = partial(_environments, study, StudyPaths(study.name, root), workers, jobs)
    try:
        failed, stages = _run_waves(study, stages, read_stages, environments, root, root / logs)
    except DiskFullError as error:
        raise DiskFullError(f"{error}; finished runs are not trained again, and stopped ones resume") from None
    if failed:
        if skipped := graph.downstream(stages, failed):
            names = [stage.name for stage in stages if stage.name in skipped]
            say(f"skipped because a dependency failed: {first_few(names, LISTED)}")
        if is_new and {stage.name.partition("@")[0] for stage in stages if not stage.stale} <= PREPARATION:
            pipeline.remove_copy(root, file)
        say(f"{study.name}: failed: {', '.join(failed)}; see {logs}/, fix the cause and run this again")
        return False
    stale = [stage.name for stage in stages if stage.stale]
    if stale:
        say(f"{study.name}: inputs changed while this ran; run it again for {', '.join(stale)}")
        return False
    write_overview(root)
    say(f"{study.name} is done: {report}")
    return True


def _read_stages(root: Path, file: str, paths: StudyPaths, *, allow_missing: bool) -> list[Stage]:
    """Return the stages, after repairing dvc.lock and removing the states of runs that it names."""
    lock = (root / file).with_name(repository.LOCK)
    lost = lost_entries.put_back(root, lock, paths)
    if lost is not None:
        runs = f"; put back: {', '.join(lost)}" if lost else ""
        say(f"{lock.relative_to(root)} had been cut short while DVC wrote it{runs}")
    release_recorded(paths, lock)
    return graph.stages(root, file, allow_missing=allow_missing)


def _run_waves(
    study: Study,
    stages: list[Stage],
    read_stages: Callable[[], list[Stage]],
    environments: Callable[[list[Stage]], list[Environment]],
    root: Path,
    logs: Path,
) -> tuple[list[str], list[Stage]]:
    """Run what is stale, each stage once; return the names of the stages that failed, and all stages as they are then.

    A failed stage stays stale, so what depends on it never becomes ready. Stages that run alone wait for all others.
    """
    failed: list[str] = []
    started: set[str] = set()
    while waiting := [stage for stage in graph.ready(stages) if stage.name not in started]:
        wave = in_order(study, [stage for stage in waiting if not stage.alone]) or waiting
        started |= {stage.name for stage in wave}
        if _images_are_missing(study, wave, root):
            failed.append("data")
            wave = [stage for stage in wave if stage.name != "data"]
        if wave:
            failed += run_jobs(_jobs(wave), environments(wave), root, logs)
        stages = read_stages()
    return failed, stages


def _environments(
    study: Study, paths: StudyPaths, workers: int, chosen: int | None, wave: list[Stage]
) -> list[Environment]:
    """Return an environment for each stage of the wave that may run at once; `chosen` is the number of `--jobs`."""
    count = 1 if wave[0].alone else workers
    runs = {f"train@{run_name(variant, seed)}": variant for variant, seed in study.runs()}
    training = [runs[stage.name] for stage in wave if stage.name in runs]
    estimate = memory.estimate(study, paths, set(training))
    if estimate is not None:
        together = min(count, len(training))
        if estimate.runs >= together:
            say(f"{estimate}")
        elif chosen:
            say(f"warning: {estimate}, so {together} at once may not fit; --jobs {estimate.runs} would")
        else:
            say(f"{estimate}, so {estimate.runs} at once instead of {together}")
            count = estimate.runs
    return devices.environments(study.machine.device, count)


def _images_are_missing(study: Study, wave: Iterable[Stage], root: Path) -> bool:
    """Say so if the stage `data` is about to run without images: DVC would first remove the record of the last ones."""
    if all(stage.name != "data" for stage in wave):
        return False
    try:
        source_files.check(study.data, root)
    except UserError as error:
        say(f"FAILED data  {error}")
        return True
    return False


def in_order(study: Study, stages: Iterable[Stage]) -> list[Stage]:
    """Return stages in the order of their runs, seed by seed over all variants; then those that belong to no run."""
    runs = [run_name(variant, seed) for seed in study.seeds for variant in study.variants]
    position = {run: number for number, run in enumerate(runs)}
    return sorted(stages, key=lambda stage: position.get(stage.name.partition("@")[2], len(runs)))


def _jobs(stages: Iterable[Stage]) -> list[Job]:
    # a lock that another DVC command holds at the moment a run ends would lose the record of the run
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "-s"]
    return [Job(stage.name, [*command, stage.address]) for stage in stages]
