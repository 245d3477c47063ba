"""Connecting to the cluster that a cluster.yaml names: one that runs already, or one that is started for this run."""

import logging
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from logging import StreamHandler
from pathlib import Path
from typing import Any

import dask
import dask_jobqueue
from distributed import Client, SSHCluster, Status

from attnbench.errors import UserError
from attnbench.run.cluster_file import DaskCluster, QueueCluster, SshCluster
from attnbench.study import Study
from attnbench.study.document import Positions

WAIT = 30  # seconds for a scheduler to answer
# seconds without a cell until a scheduler ends, and its workers with it: nothing else ends them on other machines if
# this process was killed. Longer than the stages data, analyse and report, which run here
IDLE = 3600
QUEUES = {
    "slurm": dask_jobqueue.SLURMCluster,
    "pbs": dask_jobqueue.PBSCluster,
    "lsf": dask_jobqueue.LSFCluster,
    "sge": dask_jobqueue.SGECluster,
}
PROCESSORS = {"slurm": "job_cpu", "lsf": "ncpus"}  # the option with the number of processors of a job


# a client, and a function that replaces workers that have gone, where this process started them
Connection = tuple[Client, Callable[[], None]]
Error = Callable[[str, str], UserError]  # from a key of the cluster.yaml and a text


@contextmanager
def connected(
    cluster: DaskCluster | SshCluster | QueueCluster, positions: Positions, study: Study, logs: Path
) -> Iterator[Connection]:
    """Yield a connection; what was started for it ends with it.

    Raises:
        UserError: nothing answers, or the options are wrong; the text has the line in cluster.yaml.
    """

    def error(key: str, text: str) -> UserError:
        return positions.error([positions.problem(("cluster", key), text)])

    with _messages_of_dask(logs / "dask.txt"):
        match cluster:
            case DaskCluster():
                connection = _running(cluster, error)
            case SshCluster():
                connection = _over_ssh(cluster, logs, error)
            case QueueCluster():
                connection = _in_queue(cluster, study, logs, error)
        with connection as opened:
            yield opened


@contextmanager
def _messages_of_dask(log: Path) -> Iterator[None]:
    """Write what Dask says by itself, such as the traceback of a lost connection, to a file and not to the terminal."""
    handlers = [handler for handler in logging.getLogger("distributed").handlers if type(handler) is StreamHandler]
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as stream, ExitStack() as stack:
        for handler in handlers:  # by default one, which all loggers of Dask share
            stack.callback(handler.setStream, handler.stream)
            handler.setStream(stream)
        yield


@contextmanager
def _running(cluster: DaskCluster, error: Error) -> Iterator[Connection]:
    try:
        client = Client(cluster.address, timeout=WAIT)
    except OSError:
        raise error(
            "address",
            f"no scheduler answers at {cluster.address} within {WAIT} s; start one with `dask scheduler`, and "
            "workers with `dask worker ADDRESS --nthreads 1 --memory-limit 0`",
        ) from None
    with client:
        yield client, _nothing


@contextmanager
def _over_ssh(cluster: SshCluster, logs: Path, error: Error) -> Iterator[Connection]:
    log = logs / "ssh.txt"
    python = shlex.quote(cluster.python or sys.executable)  # a part of a shell's command
    try:
        with _output_of_hosts(log):
            machines = SSHCluster(
                [cluster.scheduler or cluster.hosts[0], *cluster.hosts],
                # with the time-out no worker outlives a start that fails on another host
                worker_options={"nthreads": cluster.cells, "memory_limit": 0, "death_timeout": WAIT},
                scheduler_options={"dashboard_address": ":0", "idle_timeout": f"{IDLE}s"},
                remote_python=python,
            )
    except Exception as problem:  # noqa: BLE001 -- some of Dask's have no class of their own
        raise error(
            "hosts",
            f"Dask did not start there: {problem}. What the hosts printed is in {log}; try "
            f"`ssh HOST {python} -m dask --version` with each of them",
        ) from None
    with machines, Client(machines) as client:
        yield client, _nothing


@contextmanager
def _output_of_hosts(log: Path) -> Iterator[None]:
    """Write what Dask prints on the hosts while it starts, which is all that says why it fails, to a file."""
    log.parent.mkdir(parents=True, exist_ok=True)
    logger = logging.getLogger("distributed.deploy.ssh")
    handler = logging.FileHandler(log, mode="w", encoding="utf-8")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield
    finally:
        logger.propagate = True
        logger.removeHandler(handler)
        handler.close()


@contextmanager
def _in_queue(cluster: QueueCluster, study: Study, logs: Path, error: Error) -> Iterator[Connection]:
    if missing := _missing_option(cluster, study.machine.threads):
        raise error("options", missing)
    try:
        queue = queue_of(cluster, study, logs)
    except (TypeError, ValueError) as problem:
        raise error("options", f"dask-jobqueue refuses these: {' '.join(str(problem).split())}") from None
    if shutil.which(queue.job_cls.submit_command) is None:
        queue.close()
        raise error("engine", f"there is no {queue.job_cls.submit_command} here; run this where jobs are submitted")
    with queue, Client(queue) as client:
        try:
            _submit_jobs(queue, cluster, error)
            yield client, lambda: queue.scale(jobs=cluster.jobs)
        finally:
            _give_up_refused(queue)


def _give_up_refused(queue: Any) -> None:
    """Mark the jobs that a queue has refused as failed: Dask asserts that all jobs that it knows have ended."""
    for job in queue.workers.values():
        if job.job_id is None:
            job.status = Status.failed


def _submit_jobs(queue: Any, cluster: QueueCluster, error: Error) -> None:
    """Submit jobs as `queue.scale` does, which only prints a traceback if the queue refuses them.

    Raises:
        UserError: the queue refuses all of them; with fewer than were asked for the run takes longer.
    """

    async def submit() -> None:
        while len(queue.worker_spec) < cluster.jobs:
            queue.worker_spec.update(queue.new_worker_spec())
        await queue._correct_state()

    try:
        queue.sync(submit)
    except (RuntimeError, ValueError, OSError) as problem:
        if any(job.job_id is not None for job in queue.workers.values()):
            return
        said = str(problem).rpartition("stderr:")[2]
        command = queue.job_cls.submit_command
        raise error("options", f"{command} refuses the jobs: {' '.join(said.split())}") from None


def queue_of(cluster: QueueCluster, study: Study, logs: Path) -> Any:
    """Return dask-jobqueue's cluster, to which no job has been submitted.

    Raises:
        TypeError, ValueError: it refuses the options.
    """
    scheduler = {"dashboard_address": ":0"} | ({"host": cluster.host} if cluster.host else {})
    options: dict[str, Any] = {"log_directory": str(logs)}
    if cluster.engine in PROCESSORS:
        options[PROCESSORS[cluster.engine]] = study.machine.threads
    fixed = {"cores": 1, "processes": 1, "scheduler_options": scheduler, "worker_extra_args": ["--memory-limit", "0"]}
    return QUEUES[cluster.engine](**options | cluster.options | fixed)


def _missing_option(cluster: QueueCluster, threads: int) -> str | None:
    """Return what to add to the options, so that a job asks for memory and for a processor for each thread."""
    options = cluster.options
    if "memory" not in options and dask.config.get(f"jobqueue.{cluster.engine}.memory", None) is None:
        return "memory is missing; add for example `memory: 4GB`"
    if threads > 1 and cluster.engine == "pbs" and "resource_spec" not in options:
        add = f'resource_spec: "select=1:ncpus={threads}:mem={options.get("memory", "4GB")}"'
    elif threads > 1 and cluster.engine == "sge" and "job_extra_directives" not in options:
        add = f'job_extra_directives: ["-pe smp {threads}"]'
    else:
        return None
    return f"a run has {threads} threads, and a job has one processor; add for example `{add}`"


def _nothing() -> None:
    pass
