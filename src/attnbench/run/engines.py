"""The engine that a run uses: this machine, or the cluster of a cluster.yaml."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path

from attnbench.errors import UserError
from attnbench.run import cluster_file, devices
from attnbench.run.engine import Engine, LocalEngine
from attnbench.run.graph import Stage, downstream
from attnbench.run.jobs import Say
from attnbench.study.repository import LocatedStudy

PACKAGES = ("distributed", "dask_jobqueue", "asyncssh")

Start = Callable[[Sequence[Stage], Say], AbstractContextManager[Engine]]


def local(located: LocatedStudy, workers: int, logs: Path) -> Start:
    """Return what starts an engine on this machine, for so many cells at once.

    It raises a UserError if the machine lacks the card of params.yaml, before DVC removes what a stage has written.
    """

    def start(stages: Sequence[Stage], say: Say) -> LocalEngine:
        machine = located.study.machine
        if machine.device_type == "cuda" and any(stage.stale and stage.on_worker for stage in stages):
            devices.refuse_missing(located.params)
        return LocalEngine(devices.environments(located.study.machine.device, workers), located.root, logs)

    return start


def on_cluster(file: Path, located: LocatedStudy, logs: Path) -> Start:
    """Return what connects to a cluster.

    Raises:
        UserError: a package is missing, or the file is wrong; whether the cluster answers is known when it starts.
    """
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        raise UserError(f"--cluster needs {', '.join(missing)}: pip install -e '.[cluster]'")
    cluster, positions = cluster_file.load(file)

    @contextmanager
    def start(stages: Sequence[Stage], say: Say) -> Iterator[Engine]:
        # Dask takes a second to import, and is an optional package
        from attnbench.run.cluster import ClusterEngine  # noqa: PLC0415
        from attnbench.run.cluster_connection import connected  # noqa: PLC0415
        from attnbench.run.worker_identity import requirement  # noqa: PLC0415

        stale = {stage.name for stage in stages if stage.stale}
        may_run = stale | downstream(stages, stale)
        trainings = [stage for stage in stages if stage.kind == "train" and stage.name in may_run]
        needed = requirement(
            located.study, located.paths, [run.key for run in trainings], [run.key for run in trainings if run.stale]
        )
        here = {stage.kind for stage in stages if not stage.on_worker}  # these may run at once, next to the workers
        with (
            connected(cluster, positions, located.study, logs) as (client, renew),
            LocalEngine([{} for _ in here], located.root, logs) as local,
            ClusterEngine(client, renew, local, located, needed, cluster.folder, say) as engine,
        ):
            say(f"cluster: {client.scheduler.address}, dashboard {client.dashboard_link}; waiting for workers")
            yield engine

    return start
