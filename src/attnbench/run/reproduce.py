"""Reproduce a study with DVC, its independent runs side by side.

DVC runs one stage after another. Several `dvc repro -s` may run at once as long as none of them has to make what
another needs, so the stages go in four steps: what all need, in turn; runs and costs, side by side; views, side by
side; the rest in turn, so that latency is measured with nothing beside it.
"""

import sys
from pathlib import Path

from attnbench.errors import UserError
from attnbench.run import graph
from attnbench.run.jobs import Job, run_jobs, say
from attnbench.study import repository
from attnbench.study.paths import StudyPaths

FIRST = ("code_data", "data", "code")  # every run needs these; missing images are told first
PREPARATION = "preparation"
SIDE_BY_SIDE = (("train", "cost"), ("views",))  # views read what train wrote


def reproduce(name: str | None, jobs: int | None, here: Path) -> bool:
    """Bring a study up to date; return whether every stage succeeded.

    `name` is that of a study, None the one at the root; `jobs` is how many runs go side by side, None as many as
    the usable cores carry with the study's number of threads. `here` is any folder of the repository.

    Raises:
        UserError: no such study, a wrong params.yaml, or a DVC project that cannot be read.
    """
    if jobs is not None and jobs < 1:
        raise UserError(f"--jobs: given {jobs}; must be at least 1")
    place = repository.locate(name, here)
    root, plan, workers = place.root, place.study, jobs or place.workers
    file = repository.pipeline_file(root, place.params)
    if not any(stage.stale for stage in graph.stages(root, file)):
        say(f"{plan.name} is up to date: {StudyPaths(plan.name).report / 'REPORT.md'}")
        return True
    never_ran = not (root / file).with_name(repository.LOCK).exists()
    say(f"{plan.name}: {workers} side by side; output goes to {_logs(plan.name)}/")
    failed = _steps(root, file, workers, root / _logs(plan.name))
    if failed:
        if never_ran and failed == [PREPARATION]:
            repository.take_back(root, file)  # DVC complains of a pipeline without results
        say(f"{plan.name}: failed: {', '.join(failed)}; see {_logs(plan.name)}/, mend it and run this again")
        return False
    say(f"{plan.name} is done: {StudyPaths(plan.name).report / 'REPORT.md'}")
    return True


def _logs(name: str) -> Path:
    return Path("work") / name / "log"


def _steps(root: Path, file: str, workers: int, logs: Path) -> list[str]:
    """Run what is stale, step by step; return the names of the stages that failed."""
    stages = graph.stages(root, file)
    if any(stage.stale and stage.kind in FIRST for stage in stages):
        targets = [f"{file}:{kind}" for kind in FIRST if kind in {stage.kind for stage in stages}]
        failed = run_jobs([Job(PREPARATION, _repro(*targets), follow=True)], 1, root, logs)
        if failed:
            return failed  # nothing can run without it
    failed = []
    for kinds in SIDE_BY_SIDE:
        stages = graph.stages(root, file)
        blocked = graph.downstream(stages, failed)
        chosen = [stage for stage in stages if stage.stale and stage.kind in kinds]
        for stage in chosen:
            if stage.name in blocked:
                say(f"{stage.name} is skipped: what it needs failed")
        jobs = [Job(stage.name, _repro("-s", stage.address)) for stage in chosen if stage.name not in blocked]
        failed += run_jobs(jobs, workers, root, logs)
    if failed or not any(stage.stale for stage in graph.stages(root, file)):
        return failed
    return run_jobs([Job("conclusion", _repro(file), follow=True)], 1, root, logs)


def _repro(*arguments: str) -> list[str]:
    # a lock that another DVC holds at the moment a run ends would lose the record of the run
    return [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", *arguments]
