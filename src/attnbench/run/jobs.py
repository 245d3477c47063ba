"""Run commands in parallel: a log for each, a line when one starts or ends, and no orphans."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from attnbench.errors import FULL, UserError
from attnbench.run.devices import Environment

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
PATIENCE = 10.0  # seconds between asking a process group to stop and killing it
WARNING = "warning: "  # how a line begins that is shown although its job succeeded
TAIL = 15  # lines of the log shown when a job fails
# how the system, SQLite (in DVC) and `records.files` say that a disk is full
FULL_TEXTS = (*map(os.strerror, FULL), "database or disk is full", "no space left")


class DiskFullError(UserError):
    """A job failed because a disk is full."""


@dataclass(frozen=True)
class Job:
    """A command, and the name of its log."""

    name: str
    command: Sequence[str]


@dataclass
class _Running:
    job: Job
    environment: Environment
    log: Path
    process: subprocess.Popen[bytes]
    began: float = field(default_factory=time.monotonic)


def say(line: str) -> None:
    """Write one line, with the time of day, and flush it."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {line}\n")
    sys.stdout.flush()


def run_jobs(jobs: Sequence[Job], environments: Sequence[Environment], folder: Path, logs: Path) -> list[str]:
    """Run all jobs in `folder`; return the names of those that failed.

    As many run at once as there are `environments`, each in one of them: what it adds to that of this process.
    Ctrl-C, SIGTERM and SIGHUP stop every job with all its children, and then this process.

    Raises:
        DiskFullError: a job failed because a disk is full; jobs that had started have ended, no other has started.
    """
    logs.mkdir(parents=True, exist_ok=True)
    waiting, running, failed = deque(jobs), list[_Running](), list[str]()
    free = deque(environments)
    full: str | None = None
    with _signals() as received:
        try:
            while (running or (waiting and full is None)) and not received:
                while waiting and free and full is None:
                    running.append(_start(waiting.popleft(), free.popleft(), folder, logs))
                time.sleep(0.05)
                for ended in [job for job in running if job.process.poll() is not None]:
                    running.remove(ended)
                    free.append(ended.environment)
                    done = len(jobs) - len(waiting) - len(running)
                    if not _succeeded(ended, f"{done} of {len(jobs)}"):
                        failed.append(ended.job.name)
                        full = full or _full(ended.log)
        finally:
            _stop(running)
        if received:
            say(f"stopped; {len(running) + len(waiting)} not finished")
            raise SystemExit(128 + received[0])
    if full is not None:
        raise DiskFullError(
            f"a disk is full, so nothing more was started ({full}). Free some space and run the same command again"
        )
    return failed


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Yield a list of the signals received so far. Nothing is raised, so no job is started and lost."""
    received: list[int] = []

    def record(number: int, frame: FrameType | None) -> None:
        received.append(number)

    before = {number: signal.signal(number, record) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _start(job: Job, environment: Environment, folder: Path, logs: Path) -> _Running:
    log = logs / f"{job.name}.txt"
    say(f"start  {job.name}")
    # the interpreter's own folder first, so that `python` in a stage is the one of this environment
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    with log.open("wb") as stream:
        process = subprocess.Popen(
            job.command,
            cwd=folder,
            env={**os.environ, "PATH": path, **environment},
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # its own process group, so that it can be stopped with its children
        )
    return _Running(job, environment, log, process)


def _succeeded(ended: _Running, count: str) -> bool:
    """Return whether a job succeeded, and say so, with the warnings or the last lines of its log."""
    took = _duration(time.monotonic() - ended.began)
    lines = ended.log.read_text(encoding="utf-8", errors="replace").splitlines()
    if ended.process.returncode == 0:
        say(f"done   {ended.job.name}  {took}  ({count})")
        for line in lines:
            if line.startswith(WARNING):
                say(line)
        return True
    say(f"FAILED {ended.job.name}  {took}  ({count})  {ended.log}")
    for line in lines[-TAIL:]:
        sys.stdout.write(f"          | {line}\n")
    return False


def _full(log: Path) -> str | None:
    """Return what a failed job's log says about a full disk, such as `No space left on device: '/a/file'`, or None.

    If it is the disk of the log, the log cannot say so; so this tries to write a megabyte next to it.
    """
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]:
        for text in FULL_TEXTS:
            if (start := line.lower().find(text.lower())) >= 0:
                return line[start:].partition(";")[0].strip()
    try:
        with tempfile.TemporaryFile(dir=log.parent) as stream:
            stream.write(bytes(2**20))
            stream.flush()
    except OSError as error:
        return f"{error.strerror}: {log.parent}" if error.errno in FULL else None
    return None


def _stop(running: list[_Running]) -> None:
    """Interrupt the process groups, so that they can clean up; kill what is left after a while, and wait for all."""
    for job in running:
        _signal(job, signal.SIGINT)
    deadline = time.monotonic() + PATIENCE
    for job in running:
        with suppress(subprocess.TimeoutExpired):
            job.process.wait(max(0.0, deadline - time.monotonic()))
        _signal(job, signal.SIGKILL)
        job.process.wait()


def _signal(running: _Running, number: signal.Signals) -> None:
    try:
        os.killpg(running.process.pid, number)
    except ProcessLookupError:
        return  # the whole group is gone


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"
