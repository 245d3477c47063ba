"""What a Dask worker does for a run: it keeps the inputs of cells, and runs each cell in a process of its own.

Dask calls these functions by their names, so they come from the worker's own checkout. Strings and bytes arrive
and leave; nothing here imports torch or calls DVC.
"""

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from zc.lockfile import LockError, LockFile

from attnbench.run import devices
from attnbench.run.engine import Cell, LocalEngine

CHECKOUT = Path(__file__).resolve().parents[3]
# the variables of libraries that take their number of threads from one; a nanny sets them to 1
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TICK = 0.2  # seconds between looks at whether the cell is still wanted
REPORT = 5.0  # seconds between reports of new output
LONGEST_REPORT = 2**16  # bytes; the whole log comes with the outputs


def keep(topic: str, name: str, content: bytes) -> str:
    """Keep an input of a run, which has a topic, until a cell says that it is needed no more; return its name."""
    worker = get_worker()
    path = _inputs(worker, topic) / name
    if not path.parent.exists():
        _forget_killed(worker)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{name}.{time.monotonic_ns()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)
    return name


async def forget(topic: str, dask_worker: Worker) -> None:  # with `async` nobody has to wait for it
    """Remove all inputs of a run that has ended; those of others stay. Dask fills in the worker."""
    shutil.rmtree(_inputs(dask_worker, topic), ignore_errors=True)


def _forget_killed(worker: Worker) -> None:
    """Remove the inputs of runs that were killed: nothing of them runs or is kept here, and keys begin with a topic."""
    topics = {str(key).partition("/")[0] for key in list(worker.state.tasks)}
    for folder in _inputs(worker, "").glob("*"):
        if folder.name not in topics:
            shutil.rmtree(folder, ignore_errors=True)


def run_cell(request: str, *kept: str) -> tuple[str, dict[str, bytes]]:
    """Run a cell; return JSON about how it ended, and its log (named "") and outputs by their paths.

    `request` is JSON, made by `run/cluster.py`. `kept` are results of `keep`, which had to run before.
    """
    worker, cell = get_worker(), json.loads(request)
    for name in cell["drop"]:
        (_inputs(worker, cell["topic"]) / name).unlink(missing_ok=True)
    environments = devices.environments(cell["device"], worker.state.nthreads)
    environment = {
        **environments[cell["slot"]],
        **dict.fromkeys(THREADS, str(cell["threads"])),
        "PYTHONPATH": str(CHECKOUT / "src"),
    }
    with _folder(Path(cell["folder"] or _default_folder()) / cell["study"] / cell["name"]) as folder:
        _lay(folder, cell["reads"], _inputs(worker, cell["topic"]))
        with LocalEngine([environment], folder, folder / ".log") as engine:
            future = engine.submit(Cell(cell["name"], cell["command"]))
            log = engine.log(cell["name"])
            _watch(worker, future, log, cell)
            engine.stop()
        ended = future.result()
        files = {"": log.read_bytes()}
        if ended.status == 0:
            files |= {path: (folder / path).read_bytes() for path in cell["writes"] if (folder / path).is_file()}
            shutil.rmtree(folder)
    how = {"status": ended.status, "seconds": ended.seconds, "out_of_memory": ended.out_of_memory}
    return json.dumps(how | {"host": socket.gethostname()}), files


def _watch(worker: Worker, future: Any, log: Path, cell: dict[str, Any]) -> None:
    """Wait until a cell has ended or the run has given it up, and report its output meanwhile."""
    key, sent, reports_at = worker.get_current_task(), 0, time.monotonic() + REPORT
    while not wait([future], TICK).done:
        task = worker.state.tasks.get(key)
        if task is None or task.state == "cancelled":  # the run was stopped, or its machine is gone
            return
        if time.monotonic() > reports_at:
            with log.open("rb") as stream:
                stream.seek(max(sent, log.stat().st_size - LONGEST_REPORT))
                if output := stream.read():
                    worker.log_event(cell["topic"], {"number": cell["number"], "output": output})
                sent = stream.tell()
            reports_at = time.monotonic() + REPORT


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """Yield the folder of a cell, with what was saved in it of an unfinished one; nobody else uses it meanwhile."""
    path.mkdir(parents=True, exist_ok=True)
    try:
        lock = LockFile(str(path.with_name(f"{path.name}.lock")))
    except LockError:  # a worker that was given up still has it
        with tempfile.TemporaryDirectory(prefix=f"{path.name}-", dir=path.parent) as other:
            yield Path(other) / "cell"
        return
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            Path(f"{path}.lock").unlink()
        lock.close()


def _lay(folder: Path, reads: dict[str, str], inputs: Path) -> None:
    """Prepare the folder of a cell: the stages, its inputs, and the state of an unfinished run if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    for child in folder.iterdir():
        if child.name != "work":
            child.unlink() if child.is_symlink() or child.is_file() else shutil.rmtree(child)
    (folder / "stages").symlink_to(CHECKOUT / "stages")
    for path, name in reads.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).symlink_to(inputs / name)


def _inputs(worker: Worker, topic: str) -> Path:
    return Path(worker.local_directory) / "inputs" / topic


def _default_folder() -> str:
    return str(Path(tempfile.gettempdir()) / f"attnbench-{os.getuid()}")
