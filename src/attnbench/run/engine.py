"""Where cells run. A cell is one execution of a stage; an engine takes cells and gives futures.

A cell is strings, and what it reads and writes are files: an engine can carry it to another process or machine. It
resumes by itself after it was killed, and never calls DVC.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from threading import Lock, Thread
from typing import Protocol

from attnbench.errors import FULL, UserError, system_reason
from attnbench.run import memory
from attnbench.run.devices import Environment

PATIENCE = 10.0  # seconds between asking processes to stop and killing them
START_TIMEOUT = 10.0  # seconds for a process to start
POLL = 0.02  # seconds between polls for its start
SERVER = Path(__file__).with_name("server.py")
PYTHON = "python"  # in a command: the interpreter of this process


class DiskFullError(UserError):
    """A cell failed because a disk is full."""


class EngineLostError(UserError):
    """No cell can be started any more, although the run was not stopped."""


@dataclass(frozen=True)
class Cell:
    """One execution of a stage."""

    name: str  # train@se-0
    command: Sequence[str]  # python stages/train.py params.yaml se 0
    libraries: Sequence[str] = ()  # a script that needs them: it may run in a fork of a process that has imported them
    on_worker: bool = False  # a cluster runs it, where there is one
    reads: Sequence[str] = ()  # files, from the root of the repository; an engine elsewhere needs them
    writes: Sequence[str] = ()


@dataclass(frozen=True)
class Ended:
    """How a cell ended. A negative status is the number of the signal that killed it."""

    status: int
    seconds: float
    out_of_memory: bool = False  # the system killed it, or another process, for want of memory
    full: str | None = None  # the disk that has no room for its outputs, if that is why it failed
    lost: str | None = None  # what the engine has lost, if that is why the cell ended; no other can start then

    @property
    def was_killed(self) -> bool:
        """Whether it was killed from outside, so that it may succeed if it runs again."""
        return self.status in (-signal.SIGKILL, 128 + signal.SIGKILL, -signal.SIGTERM)

    @property
    def reason(self) -> str:
        """`exit status 1`, `killed (SIGKILL)`, or `out of memory: ...`."""
        if self.out_of_memory:
            return "out of memory: the system killed it (SIGKILL); run fewer at once, as with --jobs 1"
        if self.status >= 0:
            return f"exit status {self.status}"
        return f"killed ({signal.Signals(-self.status).name})"


class Engine(Protocol):
    """Runs cells. It is used as a context; leaving it ends every cell that still runs."""

    @property
    def shares_memory(self) -> bool:
        """Whether its cells share the memory of this machine."""

    @property
    def free(self) -> int:
        """How many more cells it would start now."""

    def submit(self, cell: Cell) -> Future[Ended]:
        """Start a cell; the future never raises.

        Raises:
            EngineLostError: the engine has lost what would run it.
        """

    def log(self, name: str) -> Path:
        """Return the file that has the output of a cell, also while it runs."""

    def suspend(self) -> None:
        """Stop all cells for a while."""

    def resume(self) -> None:
        """Continue them."""

    def stop(self) -> None:
        """End all cells, so that they can clean up; their futures are done then."""


@dataclass
class _Running:
    future: Future[Ended]
    environment: Environment
    server: "subprocess.Popen[bytes]"
    process: int | None = None  # known once it has started
    began: float = field(default_factory=time.monotonic)
    kills: int = field(default_factory=memory.kills)


class LocalEngine:
    """Runs cells on this machine, each in a fresh process with one of `environments`, and as many at once.

    The processes are children of a server (`run/server.py`), which ends them if this process dies.
    """

    shares_memory = True

    def __init__(self, environments: Sequence[Environment], folder: Path, logs: Path) -> None:
        self._environments = deque(environments)
        self._folder = folder
        self._logs = logs
        self._numbers = count()
        self._running: dict[int, _Running] = {}
        self._server: subprocess.Popen[bytes] | None = None
        self._last_signal: signal.Signals | None = None  # sent to all; a cell that is being started gets it, too
        self._lock = Lock()  # held while a request is sent
        _make_folder(logs)

    def __enter__(self) -> "LocalEngine":
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def free(self) -> int:
        return len(self._environments)

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.txt"

    def submit(self, cell: Cell) -> Future[Ended]:
        """Start a cell.

        Raises:
            UserError: its log cannot be written.
        """
        log = self.log(cell.name)
        empty_log(log)
        with self._lock:
            number, running = next(self._numbers), _Running(Future(), self._environments.popleft(), self._started())
            self._running[number] = running
            program, *arguments = cell.command
            request = {
                "number": number,
                "command": [sys.executable if program == PYTHON else program, *arguments],
                # with some, it is a fork; on other systems a fork of torch is not safe
                "libraries": list(cell.libraries) if sys.platform == "linux" else [],
                "environment": {"PATH": _path(), **running.environment},
                "folder": str(self._folder),
                "log": str(log.absolute()),
            }
            assert running.server.stdin is not None
            with suppress(BrokenPipeError):  # it was killed just now; `_read` notices
                running.server.stdin.write(json.dumps(request).encode() + b"\n")
                running.server.stdin.flush()
        return running.future

    def suspend(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        while time.monotonic() < deadline and any(running.process is None for running in list(self._running.values())):
            time.sleep(POLL)  # a cell that is being started would run on: nobody reads its number meanwhile
        self._signal_all(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal_all(signal.SIGCONT)

    def stop(self) -> None:
        self._signal_all(signal.SIGINT)
        wait([running.future for running in list(self._running.values())], PATIENCE)
        server, self._server = self._server, None
        if server is not None and server.stdin is not None:
            server.stdin.close()  # now it kills what is left
            self._reader.join()

    def _started(self) -> "subprocess.Popen[bytes]":
        """Return the server; start one if there is none, or if it was killed."""
        if self._server is None or self._server.poll() is not None:
            self._server = subprocess.Popen(
                [sys.executable, "-P", str(SERVER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C reaches this process alone, which stops the cells
            )
            self._reader = Thread(target=self._read, args=[self._server], daemon=True)
            self._reader.start()
        return self._server

    def _read(self, server: "subprocess.Popen[bytes]") -> None:
        """Read what a server says until it ends; its cells end with it."""
        assert server.stdout is not None
        with server.stdout as replies:
            for reply in map(json.loads, replies):
                if "process" in reply:
                    self._running[reply["number"]].process = reply["process"]
                    if self._last_signal is not None:
                        _signal(self._running[reply["number"]], self._last_signal)
                else:
                    self._end(reply["number"], reply["status"])
        with self._lock:  # nothing is being sent to it
            if server.stdin is not None:
                with suppress(BrokenPipeError):
                    server.stdin.close()
            server.wait()
            for number, running in list(self._running.items()):
                if running.server is server:
                    _signal(running, signal.SIGKILL)  # the kernel has killed the cell, but not what it started
                    self._end(number, -signal.SIGKILL)

    def _end(self, number: int, status: int) -> None:
        running = self._running.pop(number)
        ended = Ended(status, time.monotonic() - running.began)
        if ended.was_killed and memory.kills() > running.kills:
            ended = Ended(ended.status, ended.seconds, out_of_memory=True)
        self._environments.append(running.environment)
        running.future.set_result(ended)

    def _signal_all(self, number: signal.Signals) -> None:
        self._last_signal = number
        for running in list(self._running.values()):
            _signal(running, number)


def _signal(running: _Running, number: signal.Signals) -> None:
    """Send a signal to a cell and what it started."""
    if running.process is not None:
        with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of zombies
            os.killpg(running.process, number)


def _path() -> str:
    """Return PATH with the interpreter's own folder first, so that what a stage starts is of this environment."""
    return os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])


def empty_log(log: Path) -> None:
    """Write an empty log.

    Raises:
        UserError: it cannot be written.
    """
    try:
        log.write_bytes(b"")
    except OSError as error:
        raise _unusable(log, error) from None


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(path: Path, error: OSError) -> UserError:
    if error.errno in FULL:
        return DiskFullError(f"no space left for {path}. Free some space and run the same command again")
    return UserError(f"{path} cannot be written, and nothing can run without its log: {system_reason(error)}")
