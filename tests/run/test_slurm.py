"""Jobs of a real SLURM of one node, started for the test: `pytest -n0 -m slow tests/run/test_slurm.py`."""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from psutil import virtual_memory

from attnbench.records.lock import read_entries

from .conftest import new_project

PROGRAMS = {name: shutil.which(name, path="/usr/sbin:/usr/bin") for name in ("munged", "slurmctld", "slurmd", "sbatch")}
MISSING = sorted(name for name, path in PROGRAMS.items() if path is None)
CONF = """\
ClusterName=one
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CryptoType=crypto/munge
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
ReturnToService=2
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
NodeName={host} NodeAddr=127.0.0.1 CPUs={cores} RealMemory={memory}
PartitionName=all Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
CLUSTER = "cluster: {{engine: slurm, jobs: 2, host: 127.0.0.1, options: {{queue: {queue}, memory: 2GB}}}}\n"
PATIENCE = 60  # seconds

pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)} (Debian: slurm-wlm and munge)"),
    pytest.mark.skipif(os.getuid() != 0, reason="SLURM starts jobs as root alone"),
]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start SLURM; its programs, and those that ask it, find its configuration in SLURM_CONF."""
    folder = tmp_path_factory.mktemp("slurm")
    for name in ("state", "spool"):
        (folder / name).mkdir()
    (folder / "key").write_bytes(os.urandom(1024))
    (folder / "key").chmod(0o400)
    host = socket.gethostname().partition(".")[0]
    memory = virtual_memory().total // 2**20
    text = CONF.format(folder=folder, host=host, ports=free_ports(), cores=os.cpu_count(), memory=memory)
    (folder / "slurm.conf").write_text(text)
    files = [f"--{name}={folder / file}" for name, file in (("key-file", "key"), ("socket", "munge.socket"))]
    files += [f"--{name}={folder / name}" for name in ("pid-file", "log-file", "seed-file")]
    with pytest.MonkeyPatch.context() as patch, ExitStack() as running, (folder / "log").open("ab") as log:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        for command in (["munged", "--foreground", "--force", *files], ["slurmctld", "-D"], ["slurmd", "-D"]):
            program, *options = command
            process = subprocess.Popen([str(PROGRAMS[program]), *options], stdout=log, stderr=log)
            running.callback(process.wait)
            running.callback(process.terminate)
        deadline = time.monotonic() + PATIENCE
        while "idle" not in ask("sinfo", "-h", "-o", "%T"):
            assert time.monotonic() < deadline, (folder / "log").read_text()[-2000:]
            time.sleep(0.5)
        yield


def free_ports() -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(2)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@pytest.mark.usefixtures("slurm")
def test_a_study_is_recorded_as_on_this_machine_and_leaves_no_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, local = new_project(tmp_path / "project"), new_project(tmp_path / "local")
    monkeypatch.setenv("PYTHONPATH", str(project.root / "src"))  # of its jobs, too
    (tmp_path / "cluster.yaml").write_text(CLUSTER.format(queue="all"))
    output = project.call("attnbench", "run", "--cluster", "../cluster.yaml")
    assert "joined worker" in output
    assert re.search(r"cluster: tcp://\S+, dashboard http://\S+/status; waiting for workers", output)
    local.call("attnbench", "run", "--jobs", "2")
    assert read_entries(project.root / "dvc.lock") == read_entries(local.root / "dvc.lock")
    for folder in ("results", "reports", "runs", "data"):
        for path in (local.root / folder).rglob("*"):
            assert not path.is_file() or (project.root / path.relative_to(local.root)).read_bytes() == path.read_bytes()
    deadline = time.monotonic() + PATIENCE
    while ask("squeue", "-h"):
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.usefixtures("slurm")
def test_a_queue_that_does_not_exist_is_said(tmp_path: Path) -> None:
    project = new_project(tmp_path / "project")
    (tmp_path / "cluster.yaml").write_text(CLUSTER.format(queue="nosuch"))
    process = project.start("attnbench", "run", "--cluster", "../cluster.yaml")
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert output.splitlines()[-1].endswith(
        "cluster.options: sbatch refuses the jobs: sbatch: error: invalid partition specified: nosuch sbatch: error: "
        "Batch job submission failed: Invalid partition name specified"
    )
