"""Reproduce a study with DVC, independent stages in parallel.

DVC itself runs one stage after another. Several `dvc repro -s` may run at once if none of them writes what another
reads, so the stages go in waves: all stale stages whose inputs are up to date, then those that have become ready.
"""

import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from attnbench.run import devices, graph, pipeline
from attnbench.run.devices import Environment
from attnbench.run.graph import Stage
from attnbench.run.jobs import Job, run_jobs, say
from attnbench.study import repository
from attnbench.study.paths import StudyPaths

PREPARATION = {"code", "data"}  # they take seconds, and are repeated without loss


def reproduce(name: str | None, jobs: int | None, folder: Path, *, allow_missing: bool = False) -> bool:
    """Bring a study up to date; return whether every stage succeeded.

    `name` is that of a study, None the one at the root. `jobs` is how many stages run in parallel; by default as many
    as the usable cores allow with the study's number of threads. `folder` is any folder of the repository.
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
    read_stages = partial(graph.stages, root, file, allow_missing=allow_missing)
    stages = read_stages()
    if not any(stage.stale for stage in stages):
        say(f"{study.name} is up to date: {report}")
        return True
    say(f"{study.name}: up to {workers} stages in parallel; logs in {logs}/")
    environments = devices.environments(study.machine.device, workers)
    failed, stages = _run_waves(stages, read_stages, environments, root, root / logs)
    if failed:
        skipped = graph.downstream(stages, failed)
        if skipped:
            say(f"skipped because a dependency failed: {', '.join(s.name for s in stages if s.name in skipped)}")
        if is_new and {stage.name for stage in stages if not stage.stale} <= PREPARATION:
            pipeline.remove_copy(root, file)
        say(f"{study.name}: failed: {', '.join(failed)}; see {logs}/, fix the cause and run this again")
        return False
    stale = [stage.name for stage in stages if stage.stale]
    if stale:
        say(f"{study.name}: inputs changed while this ran; run it again for {', '.join(stale)}")
        return False
    say(f"{study.name} is done: {report}")
    return True


def _run_waves(
    stages: list[Stage],
    read_stages: Callable[[], list[Stage]],
    environments: list[Environment],
    root: Path,
    logs: Path,
) -> tuple[list[str], list[Stage]]:
    """Run what is stale, each stage once; return the names of the stages that failed, and all stages as they are then.

    A failed stage stays stale, so what depends on it never becomes ready.
    """
    failed: list[str] = []
    started: set[str] = set()
    while wave := [stage for stage in graph.ready(stages) if stage.name not in started]:
        started |= {stage.name for stage in wave}
        failed += run_jobs(_jobs(stage for stage in wave if not stage.alone), environments, root, logs)
        failed += run_jobs(_jobs(stage for stage in wave if stage.alone), environments[:1], root, logs)
        stages = read_stages()
    return failed, stages


def _jobs(stages: Iterable[Stage]) -> list[Job]:
    # a lock that another DVC command holds at the moment a run ends would lose the record of the run
    command = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "-s"]
    return [Job(stage.name, [*command, stage.address]) for stage in stages]
