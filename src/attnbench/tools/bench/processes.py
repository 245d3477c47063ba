"""Processes that wait for a line, do what it says and answer with a line of JSON. None outlives the one who asks."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from attnbench.errors import UserError
from attnbench.tools.bench.settings import Task

TAIL = 15  # lines of what a process said before it died
PATIENCE = 10.0  # seconds between asking a process to end and killing it
MODULE = "attnbench.tools.bench.worker"


class Worker:
    """A process of `attnbench.tools.bench.worker`, in a group of its own with the processes that it starts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.errors = tempfile.TemporaryFile()  # noqa: SIM115 -- a pipe that nobody reads would fill up; closed in `end`
        self.process = subprocess.Popen(
            [sys.executable, "-m", MODULE],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
            bufsize=1,
            start_new_session=True,
        )

    def tell(self, line: str) -> None:
        """Send a line.

        Raises:
            UserError: the process has died; the text says what it said last.
        """
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(f"{line}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None

    def hear(self) -> dict[str, Any]:
        """Wait for the answer.

        Raises:
            UserError: the process has died; the text says what it said last.
        """
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise self._death()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def dismiss(self) -> None:
        """Let the process come to its end: it ends where its lines end."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()

    def end(self) -> None:
        """Give the process time to come to its end, then kill what is left of its group."""
        assert self.process.stdout is not None
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()
        self.errors.close()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the whole group, if any of it is left."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _death(self) -> UserError:
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(PATIENCE)  # it has closed its output; its status comes a moment later
        self.errors.seek(0)
        lines = self.errors.read().decode(errors="replace").splitlines()[-TAIL:]
        said = "".join(f"\n  | {line}" for line in lines) or " nothing"
        return UserError(
            f"the process `{self.name}` of the benchmark ended with status {self.process.returncode}; "
            f"all others are stopped. Mend it and run this again. Its last words:{said}"
        )


@contextmanager
def workers(tasks: Sequence[Task]) -> Iterator[list[Worker]]:
    """Start a process for each task; at the end, and after any error, Ctrl-C or SIGTERM, none is left."""
    crew: list[Worker] = []
    with _ending_by_signal():
        try:
            for task in tasks:
                crew.append(Worker(f"{task.kind} {task.number}"))
                crew[-1].tell(task.model_dump_json())
            yield crew
        except BaseException:
            for worker in crew:
                worker.signal(signal.SIGTERM)
            raise
        finally:
            for worker in crew:
                worker.dismiss()
            for worker in crew:
                worker.end()


@contextmanager
def _ending_by_signal() -> Iterator[None]:
    """Let signals that would end this process on the spot raise, as Ctrl-C does, so that it can clean up."""

    def stop(number: int, frame: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
