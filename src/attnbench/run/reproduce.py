"""Bring a study up to date: DVC says what is stale, an engine runs it, DVC records it (docs/decisions/025)."""

import shlex
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from attnbench.errors import LISTED, UserError, first_few
from attnbench.records.states import release_recorded
from attnbench.report.overview import write_overview
from attnbench.run import engines, file_states, lost_entries, pipeline
from attnbench.run.claim import claimed_study
from attnbench.run.driver import Driver
from attnbench.run.dvc_errors import PAUSE, BusyError
from attnbench.run.engine import DiskFullError, EngineLostError
from attnbench.run.graph import Stage
from attnbench.run.jobs import WARNING, Received, nothing_more, say, signals
from attnbench.run.project import Project
from attnbench.run.schedule import Schedule, share
from attnbench.run.view import view
from attnbench.study import Study, repository
from attnbench.study.paths import StudyPaths

PREPARATION = {"code", "data", "cost", "ready"}  # they take seconds, and are repeated without loss

T = TypeVar("T")


def reproduce(
    name: str | None,
    jobs: int | None,
    folder: Path,
    seeds: Collection[int] | None = None,
    *,
    cluster: Path | None = None,
    allow_missing: bool = False,
) -> bool:
    """Bring a study up to date; return whether every stage succeeded.

    `name` is that of a study, None the one at the root. `jobs` is how many stages run in parallel; by default as many
    as the usable cores allow with the study's number of threads, but no more runs than fit into memory. `folder` is any
    folder of the repository. With `seeds` only runs from these are trained.
    `cluster` is a cluster.yaml, which says where training and evaluation run instead of on this machine.
    With `allow_missing` results in git count although their weights are absent, so that only what changed is trained.

    Raises:
        UserError: no such study or seed, an invalid params.yaml, a DVC project that cannot be read, or another process
            is running the study.
    """
    located = repository.locate(name, folder)
    root, study, paths, workers = located.root, located.study, located.paths, jobs or located.workers
    located.require_seeds(seeds or ())
    report = StudyPaths(study.name).report / "REPORT.md"
    logs = Path("work") / study.name / "log"
    if cluster is None:
        start, where = (
            engines.local(located, workers, root / logs),
            f"up to {workers} stage{'s' if workers > 1 else ''} at once",
        )
    else:
        start, where = engines.on_cluster(cluster, located, root / logs), f"on the cluster of {cluster}"
    with claimed_study(paths):
        is_new = not located.params.with_name(repository.PIPELINE).exists()
        file = pipeline.write_copy(root, located.params)
        if file_states.are_noted(paths, allow_missing=allow_missing):
            return _up_to_date(study.name, root, f"{report}")
        _patiently(lambda: _repair(root, located.lock, paths))
        with _patiently(lambda: Project(root, file, allow_missing=allow_missing)) as project:
            states = project.file_states()
            stages = _patiently(project.stages)
            if not any(stage.stale for stage in stages):
                file_states.note(paths, states, allow_missing=allow_missing)
            if seeds is not None:
                stages = share(study, stages, seeds, _patiently(project.absent_inputs))
            what = f"{report}" if any(stage.name == "report" for stage in stages) else _no_report(study, stages)
            if not any(stage.stale for stage in stages):
                return _up_to_date(study.name, root, what)
            say(f"{study.name}: {where}; logs in {logs}/")
            schedule = Schedule(study, stages)
            with view() as shown, start(stages, shown.say) as engine, signals(engine) as received:
                driver = Driver(located, project, schedule, engine, shown, received, jobs)
                driver.work()
            is_whole = driver.full is None and driver.lost is None and not received.numbers and not schedule.failed
            changed = is_whole and _patiently(lambda: project.changed("code"))
        release_recorded(paths, located.lock)
        _end_early(_command(study.name, jobs, seeds, cluster, allow_missing), driver, received)
        if schedule.failed:
            partial = _command(study.name, jobs, schedule.finished_seeds, cluster, allow_missing)
            _say_failed(study, schedule, driver.failures, logs, partial)
            if is_new and {stage.kind for stage in schedule.closed} <= PREPARATION:
                pipeline.remove_copy(root, file)
            return False
        if changed:
            say(f"{study.name}: the source or params.yaml changed while this ran; run it again")
            return False
        _update_overview(root)
        say(f"{study.name} is done: {what}")
        if seeds is None:
            _note_states(root, file, paths, allow_missing=allow_missing)
        return True


def _command(
    study: str, jobs: int | None, seeds: Collection[int] | None, cluster: Path | None, allow_missing: bool
) -> str:
    """Return the command that goes on with a run of a study."""
    options = [
        *([f"--jobs {jobs}"] if jobs else []),
        *([f"--cluster {shlex.quote(str(cluster))}"] if cluster else []),
        *([f"--seeds {' '.join(map(str, seeds))}"] if seeds else []),
        *(["--allow-missing"] if allow_missing else []),
    ]
    return " ".join(["attnbench run", study, *options])


def _end_early(command: str, driver: Driver, received: Received) -> None:
    """End this process after a signal, and raise an error after a full disk or a lost engine; `command` goes on."""
    if driver.full is not None:
        raise DiskFullError(
            f"{nothing_more(driver.full)}; finished runs are not trained again, and stopped ones resume"
        )
    if driver.lost is not None and not received.numbers:
        raise EngineLostError(f"{driver.lost}; `{command}` goes on from here")
    if received.numbers:
        say(
            f"stopped; at most {driver.left} not finished. `{command}` goes on from here: finished runs "
            "are kept, stopped ones resume after their last completed epoch"
        )
        received.exit()


def _note_states(root: Path, file: str, paths: StudyPaths, *, allow_missing: bool) -> None:
    """Ask DVC again whether a study is up to date; if so, record it, so that the next run need not ask."""
    with suppress(UserError), Project(root, file, allow_missing=allow_missing) as project:
        states = project.file_states()
        if not any(stage.stale for stage in project.stages()):
            file_states.note(paths, states, allow_missing=allow_missing)


def _no_report(study: Study, stages: Collection[Stage]) -> str:
    """Return why a share of the seeds has no report, and what it has."""
    if any(stage.name == "analyse" for stage in stages):
        return f"tables only: a report needs the networks of seed {study.seeds[0]}; `attnbench merge` brings them"
    return "neither tables nor a report: they need a seed with all its runs; `attnbench merge` brings others"


def _up_to_date(study: str, root: Path, what: str) -> bool:
    _update_overview(root)
    say(f"{study} is up to date: {what}")
    return True


def _update_overview(root: Path) -> None:
    for problem in write_overview(root):
        say(f"{WARNING}{problem}")


def _repair(root: Path, lock: Path, paths: StudyPaths) -> None:
    """Repair dvc.lock if it was cut short, and remove the states of runs that it names."""
    lost = lost_entries.put_back(root, lock, paths)
    if lost is not None:
        runs = f"; put back: {', '.join(lost)}" if lost else ""
        say(f"{lock.relative_to(root)} had been cut short while DVC wrote it{runs}")
    release_recorded(paths, lock)


def _patiently(action: Callable[[], T]) -> T:
    """Return the result of what needs DVC's locks, as soon as other DVC commands have released them."""
    said = ""
    while True:
        try:
            return action()
        except BusyError as error:
            if str(error) != said:
                said = str(error)
                say(f"waiting: {said}")
            time.sleep(PAUSE)


def _say_failed(study: Study, schedule: Schedule, failures: Mapping[str, str], logs: Path, partial: str) -> None:
    """Say what failed, what was skipped, and `partial`, the command that takes the seeds without a failure."""
    for name, reason in list(failures.items())[:LISTED]:
        say(f"failed: {name}  {reason}")
    if schedule.skipped:
        say(f"skipped because a dependency failed: {first_few([stage.name for stage in schedule.skipped])}")
    is_skipped = any(stage.name == "analyse" for stage in schedule.skipped)
    if is_skipped and schedule.only_runs_failed and schedule.finished_seeds:
        what = "a report" if study.seeds[0] in schedule.finished_seeds else "tables"
        say(f"`{partial}` makes {what} of the seeds that are whole")
    say(f"{study.name}: failed: {', '.join(failures)}; see {logs}/, fix the cause and run this again")
