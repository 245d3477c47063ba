"""Starts the processes of a run: `python -P server.py`, with one request per line on its standard input.

It runs as a script and imports the standard library alone, then the libraries that a stage asks for. Such a stage is a
fork: Python and its libraries, two to five seconds of processor time, are loaded once. Nothing of attnbench is imported
here, so each stage reads the source as it is when it starts. torch starts no threads when it is imported; the OpenBLAS
of numpy and scipy does, and ends and restarts them around a fork (`pthread_atfork`).

When the run ends for whatever reason, the input ends, and everything that was started here is killed.
"""

import atexit
import ctypes
import json
import os
import runpy
import select
import signal
import sys
import warnings
from contextlib import suppress
from contextvars import ContextVar
from importlib import import_module
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1  # of Linux's prctl.h

status = ContextVar("status", default=0)  # with which this process ends


def main() -> None:
    """Start what is asked for, and say when it has ended, until the input ends."""
    atexit.register(_leave)  # the first to be registered is the last to be called
    woken, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)  # without a handler nothing would be written to the pipe
    signal.set_wakeup_fd(wakes)
    numbers: dict[int, int] = {}  # process -> number of the request
    pending = b""
    while True:
        readable, _, _ = select.select([0, woken], [], [])
        if woken in readable:
            os.read(woken, 4096)
            _report_ended(numbers)
        if 0 in readable:
            received = os.read(0, 65536)
            if not received:
                break
            *lines, pending = (pending + received).split(b"\n")
            for request in map(json.loads, lines):
                _import(request["libraries"], request["log"])
                process = _fork()
                if process == 0:
                    _become(request, os.getppid())
                    return
                with suppress(OSError):  # the child does so too: it has a group before its number is known
                    os.setpgid(process, process)
                numbers[process] = request["number"]
                _reply(number=request["number"], process=process)
    for process in numbers:
        _kill_group(process)


def _import(libraries: list[str], log: str) -> None:
    """Import what is not imported yet; what it writes goes to the log of the cell that asked first."""
    missing = [name for name in libraries if name not in sys.modules]
    if not missing:
        return
    own = os.dup(1), os.dup(2)
    _write_to(log)
    with suppress(Exception):  # the stage fails at its own import, and says why
        for name in missing:
            import_module(name)
    sys.stdout.flush()
    for number, descriptor in enumerate(own, start=1):
        os.dup2(descriptor, number)
        os.close(descriptor)


def _write_to(log: str) -> None:
    """Append to a file what this process writes from now on."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)


def _fork() -> int:
    """Fork; Ctrl-C waits in the child until it is allowed there, since Python forgets what arrives during a fork."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # about the threads of OpenBLAS
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        process = os.fork()
        if process:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        return process


def _report_ended(numbers: dict[int, int]) -> None:
    while numbers:
        process, status = os.waitpid(-1, os.WNOHANG)
        if process == 0:
            return
        _kill_group(process)  # what the stage itself had started
        _reply(number=numbers.pop(process), status=os.waitstatus_to_exitcode(status))


def _reply(**values: int) -> None:
    with suppress(BrokenPipeError):  # the run has ended, and so does the input
        os.write(1, json.dumps(values).encode() + b"\n")


def _kill_group(process: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # macOS refuses for a group of zombies
        os.killpg(process, signal.SIGKILL)


def _become(request: dict[str, Any], server: int) -> None:
    """Turn this fork into the process that a request describes: run a script in it, or execute a program."""
    status.set(1)  # until it has succeeded: an exception below is a failure
    os.setpgid(0, 0)  # its own process group, so that it can be stopped with its children
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != server:
        os._exit(1)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    _write_to(request["log"])
    os.closerange(3, nothing + 1)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a run in the background may ignore it
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    command = request["command"]
    if not request["libraries"]:
        try:
            os.execvp(command[0], command)
        except OSError as error:
            sys.exit(f"{command[0]} cannot be started: {error.strerror}")
    script = Path(command[1]).resolve()
    sys.argv = command[1:]
    sys.path.insert(0, str(script.parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as ended:
        status.set(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise
    status.set(0)


def _leave() -> None:
    """End the process at once: taking torch apart, object by object, takes as long as importing it."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status.get())


if __name__ == "__main__":
    main()
