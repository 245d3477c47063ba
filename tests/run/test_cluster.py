"""A study whose cells run on a Dask cluster: two workers, and a third whose checkout has other code."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.errors import UserError
from attnbench.records import Environment
from attnbench.run import cluster_file
from attnbench.run.worker_identity import Requirement, WorkerIdentity

from .conftest import Project, new_project

pytest.importorskip("distributed", reason="needs attnbench[cluster]")

ENVIRONMENT = Environment(
    python="3.11", torch="2", device="cpu", instruction_set="AVX2", processor="A", threads=1, precision="float32",
    memory_format="channels_last",
)  # fmt: skip


class Cluster:
    """Processes of Dask, each with the code of a project."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: dict[int, subprocess.Popen[bytes]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, program: str, project: Project, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", "--scheduler-file"]
        environment = {"PYTHONPATH": str(project.root / "src"), "TMPDIR": str(self.folder), "OMP_NUM_THREADS": "3"}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self.folder / "scheduler"), *options],
                env={**os.environ, **environment},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def add_worker(self, project: Project, name: str) -> None:
        process = self.start(
            "dask_worker", project, "--name", name, "--no-nanny", "--nthreads", "1", "--memory-limit", "0",
            "--local-directory", str(self.folder),
        )  # fmt: skip
        self.workers[process.pid] = process

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def cluster(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    other = new_project(tmp_path_factory.mktemp("other"))
    other.edit("src/attnbench/marker.py", "VALUE = 1", "VALUE = 2")
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    cluster.start("dask_scheduler", project, "--host", "127.0.0.1", "--port", "0")
    for name in ("first", "second"):
        cluster.add_worker(project, name)
    cluster.add_worker(other, "old")
    (project.root / "work").mkdir(exist_ok=True)
    try:
        yield cluster
    finally:
        cluster.stop()


def parent(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("PPid:")[2].split()[0])


def written(project: Project) -> dict[str, bytes]:
    """Return the files that a run leaves, and dvc.lock."""
    folders = ("results", "reports", "runs", "data")
    paths = [path for folder in folders for path in (project.root / folder).rglob("*") if path.is_file()]
    return {
        path.relative_to(project.root).as_posix(): path.read_bytes() for path in [*paths, project.root / "dvc.lock"]
    }


def test_a_killed_worker_and_a_failing_cell_stop_nothing_else(project: Project, cluster: Cluster) -> None:
    deadline = time.monotonic() + 60
    while not (scheduler := cluster.folder / "scheduler").exists():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    address = scheduler.read_text().partition('"address": "')[2].partition('"')[0]
    (project.root / "work/cluster.yaml").write_text(f"cluster: {{engine: dask, address: '{address}'}}\n")
    (project.root / "broken").write_text("train@baseline-1")
    (project.root / "slow").write_text("train@se-0")
    run = project.start("attnbench", "run", "--cluster", "work/cluster.yaml")
    started = project.root / "started/train@se-0"
    while not started.exists() or not started.read_text():
        assert run.poll() is None, run.communicate()[0]
        time.sleep(0.1)
    stage = int(started.read_text())
    (project.root / "slow").unlink()
    worker = parent(parent(stage))
    cluster.workers[worker].kill()

    output, _ = run.communicate(timeout=300)
    assert run.returncode == 1, output
    assert "again  train@se-0, on another worker" in output
    assert "refused worker old" in output
    assert "its checkout has other code" in output
    assert output.count("FAILED train@baseline-1") == 1
    assert "train@baseline-1 is broken on purpose" in output
    assert "done   train@se-1" in output
    with pytest.raises(ProcessLookupError):
        os.kill(stage, signal.SIG_DFL)


def test_the_bytes_are_those_of_this_machine(project: Project, cluster: Cluster, tmp_path: Path) -> None:
    (project.root / "broken").unlink()
    project.call("attnbench", "run", "--cluster", "work/cluster.yaml")
    local = new_project(tmp_path)
    local.call("attnbench", "run", "--jobs", "2")
    assert written(project) == written(local)


def test_a_worker_of_another_class_of_machine_is_refused() -> None:
    identity = WorkerIdentity(code="0" * 64, environment=ENVIRONMENT)
    other = ENVIRONMENT.model_copy(update={"processor": "B"})
    assert Requirement("0" * 64, None, "").refusal(identity) is None
    assert Requirement("0" * 64, ENVIRONMENT, "").refusal(identity) is None
    refusal = Requirement("0" * 64, other, "the recorded runs of seed 0 have").refusal(identity)
    assert refusal is not None
    assert refusal.startswith("another class of machine: processor A; the recorded runs of seed 0 have B.")
    assert "other code" in str(Requirement("1" * 64, None, "").refusal(identity))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cluster: {engine: dask, address: here}", "cluster.address: given 'here'; must be the address of a scheduler"),
        ("cluster: {engine: slurn, jobs: 2}", "cluster.engine: given 'slurn'; allowed: 'dask', 'ssh', 'slurm'"),
        ("cluster: {engine: slurm}", "cluster.jobs: missing; add it, for example `jobs: 10`"),
        ("cluster: {engine: ssh, hosts: []}", "cluster.hosts: given []; must be at least 1 long"),
        ("\ncluster: {engine: pbs, jobs: 1, job: 2}", "cluster.job: unknown key; allowed: 'folder', 'engine', 'jobs'"),
        ("engine: ssh", "cluster.yaml:1:1: "),
    ],
)
def test_a_wrong_file_is_refused_by_line(text: str, problem: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.yaml"
    file.write_text(text + "\n")
    with pytest.raises(UserError) as error:
        cluster_file.load(file)
    assert problem in str(error.value)
    assert f"{file}:{2 if text[0] == chr(10) else 1}:" in str(error.value)
