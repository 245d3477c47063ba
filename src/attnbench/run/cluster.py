"""An engine whose cells run on the workers of a Dask cluster; those that need no torch run here.

Dask connects the machines and carries calls; this engine decides which cell goes to which worker, so that inputs are
sent to each worker once and nothing waits in the scheduler. A thread does all of it; the driver only adds cells to a
queue. Outputs come back as bytes and are written all or none.
"""

import asyncio
import json
import math
import signal
import time
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import CancelledError, Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from typing import Any

import dask
from distributed import Client
from distributed.client import ClosedClientError

from attnbench.errors import UserError
from attnbench.run import worker
from attnbench.run.cluster_files import CellFiles
from attnbench.run.engine import Cell, Ended, EngineLostError, LocalEngine, empty_log
from attnbench.run.full_disk import full_text
from attnbench.run.jobs import Say
from attnbench.run.worker_identity import Requirement
from attnbench.study.repository import LocatedStudy

# what Dask raises when a connection ends
CONNECTION_ERRORS = (OSError, CancelledError, asyncio.CancelledError, ClosedClientError)
SCHEDULER_LOST = "the connection to the scheduler of the cluster is lost"
MOST_LOSSES = 3  # how many times a cell may lose its worker and start again on another
TICK = 0.1  # seconds between polls for ended cells
WORKER_POLL = 2.0  # seconds between polls for workers
ANSWER_TIMEOUT = 30.0  # seconds until a scheduler that does not answer counts as lost
JOIN_WARNING = 300.0  # seconds without a worker until this is said
OUTPUTS_TIMEOUT = 120.0  # seconds until outputs that do not arrive count as lost
IDENTITY = "identity.json"
IDENTITY_COMMAND = ("python", "-m", "attnbench.tools.worker_identity")  # with the params.yaml and the file to write


@dataclass(eq=False)
class _Task:
    """A cell, and where it runs if it does; without a future, the query for a worker's identity."""

    cell: Cell
    future: Future[Ended] | None
    number: int = 0
    address: str = ""
    slot: int = 0
    result: Any = None  # future of Dask
    hashes: frozenset[str] = frozenset()  # of its inputs


@dataclass(frozen=True)
class _Input:
    """An input that a worker keeps."""

    name: str  # a new one each time it is sent: a cell that drops the old one may not have removed it yet
    stored: Any  # future of Dask, which ends when the worker has it


@dataclass
class _Worker:
    """A worker that is connected."""

    name: str
    threads: int  # how many cells it runs at once
    free: list[int] = field(default_factory=list)  # of its slots; none before it is accepted
    accepted: bool = False
    kept: dict[str, _Input] = field(default_factory=dict)  # by the hash of its content


class ClusterEngine:
    """Runs cells on the workers that `client` has now and will have, and the others with `local`.

    A worker is asked for its code and its class of machine first, and is refused by name if they do not fit. A cell
    whose worker disappears runs again elsewhere.
    """

    shares_memory = False

    def __init__(
        self,
        client: Client,
        renew: Callable[[], None],
        local: LocalEngine,
        located: LocatedStudy,
        requirement: Requirement,
        folder: str | None,
        say: Say,
    ) -> None:
        self._client = client
        self._renew = renew
        self._local = local
        self._study = located.study
        self._files = CellFiles(located.root)
        self._params = located.params.relative_to(located.root).as_posix()
        self._requirement = requirement
        self._folder = folder
        self._say = say
        self._topic = f"attnbench-{client.id}"
        self._numbers = count()
        self._submitted: SimpleQueue[_Task] = SimpleQueue()
        self._waiting: deque[_Task] = deque()
        self._running: dict[int, _Task] = {}
        self._workers: dict[str, _Worker] = {}
        self._losses: Counter[str] = Counter()
        self._open: set[_Task] = set()  # those that were taken and have not ended
        self._writing = Lock()  # of logs
        self._taking = Lock()  # of cells; none is taken that nobody would end
        self._has_given_up = False
        self._lost = SCHEDULER_LOST  # why cells end that the run has not stopped
        self._stopping = Event()
        self._polls_at = 0.0
        self._warns_at = time.monotonic() + JOIN_WARNING
        self._thread = Thread(target=self._work, daemon=True)

    def __enter__(self) -> "ClusterEngine":
        self._client.subscribe_topic(self._topic, self._append_output)
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def free(self) -> int:
        slots = sum(worker.threads for worker in list(self._workers.values()) if worker.accepted)
        return max(0, max(slots, 1) - len(self._open))  # without a worker one cell waits for the first

    def submit(self, cell: Cell) -> Future[Ended]:
        """Start a cell here, or put it in the queue for a worker.

        Raises:
            EngineLostError: the connection to the scheduler is lost.
            UserError: its log cannot be written.
        """
        if not cell.on_worker:
            return self._local.submit(cell)
        empty_log(self.log(cell.name))
        future: Future[Ended] = Future()
        task = _Task(cell, future)
        with self._taking:
            if self._has_given_up:
                raise EngineLostError(self._lost)
            self._open.add(task)
            self._submitted.put(task)
        return future

    def log(self, name: str) -> Path:
        return self._local.log(name)

    def suspend(self) -> None:
        """Suspend the cells that run here; those of the workers go on."""
        self._local.suspend()

    def resume(self) -> None:
        self._local.resume()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * ANSWER_TIMEOUT)
        if self._thread.is_alive():  # it waits for a scheduler that is suspended
            self._end_all(None)
        self._local.stop()

    def _work(self) -> None:
        """Hand out cells and take what comes back, until the run stops or the scheduler is gone."""
        try:
            while not self._stopping.wait(TICK) and self._client.status == "running":
                while not self._submitted.empty():
                    self._waiting.append(self._submitted.get())
                for task in [task for task in self._running.values() if task.result.done()]:
                    self._collect(task)
                if time.monotonic() > self._polls_at:
                    self._update_workers()
                    self._polls_at = time.monotonic() + WORKER_POLL
                self._warn_without_workers()
                for address in list(self._workers):
                    while self._waiting and self._workers[address].free:
                        self._start(self._waiting.popleft(), address, self._workers[address].free.pop(0))
        except CONNECTION_ERRORS as error:
            self._say(f"{type(error).__name__}: {error}")
        except Exception:
            self._lost = "the engine of the cluster has failed; its traceback is above"
            raise
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """Take what has ended, and end all other cells; their workers notice that nobody waits for them."""
        is_connected = self._stopping.is_set() and self._client.status == "running"
        with suppress(*CONNECTION_ERRORS):
            for task in [task for task in self._running.values() if is_connected and task.result.done()]:
                self._collect(task)
        results = [task.result for task in self._running.values()]
        self._end_all(None if self._stopping.is_set() else self._lost)
        if is_connected:
            with suppress(*CONNECTION_ERRORS):
                self._client.cancel(results)
                options = {"wait": False, "on_error": "ignore", "callback_timeout": ANSWER_TIMEOUT}
                self._client.sync(self._client._run, worker.forget, self._topic, **options)

    def _end_all(self, lost: str | None) -> None:
        """End every cell, and take no other."""
        with self._taking:
            self._has_given_up = True
        for task in list(self._open):
            self._end(task, Ended(-signal.SIGINT, 0.0, lost=lost))

    def _warn_without_workers(self) -> None:
        """Say once that no worker is accepted: a queue may be full, and jobs or workers may have ended."""
        if any(worker.accepted for worker in self._workers.values()):
            self._warns_at = math.inf
        elif time.monotonic() > self._warns_at:
            self._warns_at = math.inf
            refused = "; all that came were refused" if self._workers else ""
            self._say(
                f"no worker for {JOIN_WARNING / 60:.0f} minutes{refused}. Jobs of a queue write to "
                f"{self._local.log('').parent}"
            )

    def _update_workers(self) -> None:
        """Query the identity of new workers; drop those that have gone, and restart their cells."""
        self._renew()
        # `scheduler_info` may answer from what Dask last saw, without workers
        connected = self._client.sync(self._client.scheduler.identity, n_workers=-1, callback_timeout=ANSWER_TIMEOUT)[
            "workers"
        ]
        for address in self._workers.keys() - connected.keys():
            self._say(f"lost worker {self._workers.pop(address).name} ({address})")
            for task in [task for task in self._running.values() if task.address == address]:
                self._lose(task)
        for address in connected.keys() - self._workers.keys():
            self._workers[address] = _Worker(str(connected[address]["name"]), connected[address]["nthreads"])
            self._start(
                _Task(Cell("identity", (*IDENTITY_COMMAND, self._params, IDENTITY), writes=(IDENTITY,)), None),
                address,
                0,
            )

    def _start(self, task: _Task, address: str, slot: int) -> None:
        """Send a cell to a worker, and before it the inputs that the worker lacks."""
        target, number = self._workers[address], next(self._numbers)
        try:
            reads = self._files.inputs(task.cell)
            new = {sha256: path for path, sha256 in reads.items() if sha256 not in target.kept}
            contents = {sha256: self._files.content(path) for sha256, path in new.items()}
        except OSError as error:
            self._refuse(task, address, slot, error)
            return
        task.number, task.address, task.slot = number, address, slot
        task.hashes = frozenset(reads.values())
        needed = task.hashes.union(*(other.hashes for other in self._running.values() if other.address == address))
        dropped = [target.kept.pop(sha256).name for sha256 in target.kept.keys() - needed]
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):  # images are large
            for sha256, content in contents.items():
                name = f"{sha256}-{number}"
                options = {"workers": [address], "key": f"{self._topic}/{name}"}
                stored = self._client.submit(worker.keep, self._topic, name, content, **options)
                target.kept[sha256] = _Input(name, stored)
        request = {
            "number": task.number,
            "name": task.cell.name,
            "command": task.cell.command,
            "reads": {path: target.kept[sha256].name for path, sha256 in reads.items()},
            "writes": task.cell.writes,
            "drop": sorted(dropped),
            "study": self._study.name,
            "folder": self._folder,
            "device": self._study.machine.device,
            "threads": self._study.machine.threads,
            "slot": slot,
            "topic": self._topic,
        }
        inputs = [target.kept[sha256].stored for sha256 in sorted(task.hashes)]
        options = {"workers": [address], "key": f"{self._topic}/{task.cell.name}-{number}"}
        task.result = self._client.submit(worker.run_cell, json.dumps(request), *inputs, **options)
        self._running[task.number] = task

    def _refuse(self, task: _Task, address: str, slot: int, error: OSError) -> None:
        """End a cell whose inputs cannot be read here; a worker that could not be asked is asked again."""
        if task.future is None:
            del self._workers[address]
        else:
            self._workers[address].free.append(slot)
        self._end(task, self._write_outputs(task, Ended(1, 0.0), {"": f"{error}\n".encode()}))

    def _collect(self, task: _Task) -> None:
        """Take what a cell left; start it again if that is lost."""
        if task.result.status == "error":
            error = task.result.exception()
            how: dict[str, Any] = {"status": 1, "seconds": 0.0, "out_of_memory": False}
            outputs = {"": f"worker {task.address}: {type(error).__name__}: {error}\n".encode()}
            self._workers[task.address].kept.clear()
        else:
            try:
                text, outputs = task.result.result(OUTPUTS_TIMEOUT)
            except (CancelledError, TimeoutError):
                self._lose(task)
                if task.future is None:
                    del self._workers[task.address]  # `_update_workers` asks it again
                else:
                    self._workers[task.address].free.append(task.slot)
                return
            how = json.loads(text)
        del self._running[task.number]
        if task.future is None:
            self._judge(self._workers[task.address], task.address, outputs)
            return
        self._workers[task.address].free.append(task.slot)
        ended = Ended(how["status"], how["seconds"], how["out_of_memory"])
        self._end(task, self._write_outputs(task, ended, outputs))

    def _write_outputs(self, task: _Task, ended: Ended, outputs: dict[str, bytes]) -> Ended:
        """Write the log and all outputs of a cell, or the log alone; return how it ended if they cannot be written."""
        log = self.log(task.cell.name)
        text = outputs.pop("")
        try:
            self._files.write(outputs)
        except (UserError, OSError) as error:
            ended = replace(ended, status=1, full=full_text(str(error)))
            text += f"{error}\n".encode()
        with self._writing, suppress(OSError):  # of a disk that is full, which the driver says
            log.write_bytes(text)
        return ended

    def _lose(self, task: _Task) -> None:
        """Start a cell again whose worker is lost, unless it has lost too many."""
        del self._running[task.number]
        self._client.cancel([task.result])
        if task.future is None:
            return
        self._losses[task.cell.name] += 1
        if self._losses[task.cell.name] > MOST_LOSSES:
            text = f"this cell lost its worker {MOST_LOSSES + 1} times, the last at {task.address}\n"
            self._append(task.cell, text.encode())
            self._end(task, Ended(1, 0.0))
        else:
            self._say(f"again  {task.cell.name}, on another worker")
            self._waiting.appendleft(task)

    def _end(self, task: _Task, ended: Ended) -> None:
        if task.future is not None:
            self._open.discard(task)
            with suppress(InvalidStateError):  # `stop` has ended it
                task.future.set_result(ended)

    def _judge(self, asked: _Worker, address: str, outputs: dict[str, bytes]) -> None:
        """Accept a worker, or refuse it by name."""
        log = outputs[""].decode(errors="replace")
        refusal = self._requirement.judge(asked.name, outputs.get(IDENTITY), log)
        if refusal is not None:
            self._say(f"refused worker {asked.name} ({address}): {refusal}")
            return
        asked.accepted, asked.free = True, list(range(asked.threads))
        self._say(f"joined worker {asked.name} ({address}), {asked.threads} at once")

    def _append_output(self, event: tuple[float, dict[str, Any]]) -> None:
        """Append what a running cell has written since to its log here."""
        task = self._running.get(event[1]["number"])
        if task is not None and task.future is not None:
            self._append(task.cell, event[1]["output"])

    def _append(self, cell: Cell, output: bytes) -> None:
        with self._writing, suppress(OSError), self.log(cell.name).open("ab") as stream:
            stream.write(output)
