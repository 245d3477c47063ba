"""Processes of a run on a cluster are killed at random moments; then one command ends the study as if nothing had
happened.

CLUSTER_KILLS=20 SEED=0 python -m pytest tests/run/test_cluster_kills.py -n0 -s -m slow
"""

import os
import random
import re
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from .conftest import Project, is_alive, new_project, processes_in
from .test_cluster import Cluster, parent
from .test_kills import SEED, content, remove

KILLS = int(os.environ.get("CLUSTER_KILLS", "20"))
LONGEST = 4.0  # seconds until a kill
PATIENCE = 120.0  # seconds until nothing of a run is left
COMMAND = ("attnbench", "run", "--cluster", "../cluster.yaml")
GOES_ON = r"`attnbench run small --cluster \.\./cluster\.yaml` goes on from here"
WHILE_WRITING = "run, while it writes"
VICTIMS = {  # and the signal
    "worker": signal.SIGKILL,
    "nanny": signal.SIGKILL,
    "scheduler": signal.SIGKILL,
    "cell": signal.SIGKILL,
    "run": signal.SIGKILL,
    "run, interrupted": signal.SIGINT,
    "run, terminated": signal.SIGTERM,
    WHILE_WRITING: signal.SIGKILL,
}
WRITTEN = {"dvc.lock": 8, "results/small/": 40, "runs/small/": 8, ".dvc/cache": 30}  # which write
LAST_LINES = {  # by the status with which a run ends
    -signal.SIGKILL: "",
    128 + signal.SIGINT: rf"stopped; at most \d+ not finished\. {GOES_ON}",
    128 + signal.SIGTERM: rf"stopped; at most \d+ not finished\. {GOES_ON}",
    1: rf"^error: the connection to the scheduler of the cluster is lost; {GOES_ON}"
    r"|no scheduler answers at \S+ within 30 s; start one with `dask scheduler`"
    r"|small: failed: \S+; see work/small/log/, fix the cause and run this again",  # of a cell that was killed twice
}
COMMANDS = {"worker": "spawn_main", "nanny": "dask_worker", "scheduler": "dask_scheduler", "cell": " stages/"}
PARENTS = [f"{stage}@{name}-0" for stage in ("train", "ablate", "robustness", "maps") for name in ("baseline", "se")]
IDENTITY = """
import json, os, sys
from pathlib import Path
from attnbench.run.worker_identity import worker_code_sha256
from attnbench.study import load
code = worker_code_sha256(load(Path(sys.argv[1])))
Path(sys.argv[2]).write_text(json.dumps(json.loads(os.environ["IDENTITY"]) | {"code": code}))
"""  # the real one imports torch, which takes seconds

pytestmark = pytest.mark.slow


class Run:
    """A project, and its run on a cluster of three workers."""

    def __init__(self, folder: Path, generator: random.Random) -> None:
        (folder / "project").mkdir()
        self.project = new_project(folder / "project", seeds=[0])
        (self.project.root / "src/attnbench/tools/worker_identity.py").write_text(IDENTITY)
        (self.project.root / "parents").write_text(" ".join(PARENTS))
        self.clusters: list[Cluster] = []
        self._folder = folder
        self._generator = generator

    def start_cluster(self) -> None:
        cluster = Cluster(self._folder / f"cluster-{len(self.clusters)}")
        cluster.folder.mkdir()
        self.clusters.append(cluster)
        self._scheduler = cluster.add_scheduler(self.project.root)
        for _ in range(3):
            self._add_worker()
        (self._folder / "cluster.yaml").write_text(f"cluster: {{engine: dask, address: '{cluster.address}'}}\n")

    def start(self) -> None:
        self._began = time.time()
        self.process = self.project.start(*COMMAND)

    def await_cell(self) -> None:
        """Wait until a cell has started, or the run has ended."""
        logs = self.project.root / "work/small/log"
        while self.process.poll() is None and not any(log.stat().st_mtime > self._began for log in logs.glob("*")):
            time.sleep(0.05)

    def kill(self, victim: str) -> bool:
        """Kill a process as soon as there is one; return False if the run ends before."""
        while self.process.poll() is None and not (candidates := self._candidates(victim)):
            time.sleep(0.05)
        if self.process.poll() is not None:
            return False
        process = self._generator.choice(candidates)
        workers = [other for other in processes_in(self.clusters[-1].folder) if parent(other) == process]
        try:
            os.kill(process, VICTIMS[victim])
        except ProcessLookupError:  # a cell that has just ended
            return self.kill(victim)
        if victim == "nanny":
            self._add_worker()
            wait_until(lambda: not any(map(is_alive, workers)))
        elif victim == "scheduler":
            self.process.wait(PATIENCE)
            wait_until(lambda: not self.others())
            self.clusters[-1].stop()  # a worker that had not connected yet would try for ever
            self.start_cluster()
        elif victim.startswith("run"):
            self.process.wait(PATIENCE)
        return True

    def others(self) -> dict[int, str]:
        """Return the processes that are none of Dask's: the run, its servers, the cells and their children."""
        commands = processes_in(self._folder).items()
        return {process: command for process, command in commands if not re.search(r"dask_|multiprocessing", command)}

    def _add_worker(self) -> None:
        cluster = self.clusters[-1]
        cluster.add_worker(f"worker-{len(cluster.workers)}", "--nanny", source=self.project.root)

    def _candidates(self, victim: str) -> list[int]:
        """Return the processes that may be killed now; of workers and nannies those with a cell, if there are any."""
        lock = self.project.root / "work/small/run.lock"
        if not lock.exists() or lock.read_text().strip() != str(self.process.pid):
            return []  # Python is still starting
        if victim.startswith("run"):
            return [self.process.pid]
        commands = processes_in(self.clusters[-1].folder)
        found = [process for process, command in commands.items() if COMMANDS[victim] in command]
        servers = [parent(process) for process, command in commands.items() if COMMANDS["cell"] in command]
        workers = [parent(server) for server in servers]
        return [process for process in found if process in (*workers, *map(parent, workers))] or found


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_kills_on_a_cluster_change_no_byte(
    tmp_path: Path, without_torch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(Path(__file__).with_name("kill_while_writing.py"), without_torch / "sitecustomize.py")
    generator = random.Random(SEED)
    run = Run(tmp_path, generator)
    shutil.copytree(run.project.root, tmp_path / "expected")
    expected = Project(tmp_path / "expected")
    expected.call("attnbench", "run", "--jobs", "2")
    waiting = generator.sample([*VICTIMS] * (KILLS // len(VICTIMS) + 1), KILLS)
    kills, finished = Counter[str](), 0
    try:
        run.start_cluster()
        while waiting or run.process.returncode != 0:
            is_written = waiting[-1:] == [WHILE_WRITING]
            with monkeypatch.context() as patch:
                if is_written:
                    part = generator.choice([*WRITTEN])
                    patch.setenv("KILL", f"{part} {generator.randint(1, WRITTEN[part])} 0")
                run.start()
            is_early = generator.random() < 0.2  # while it reads the project and connects
            while waiting and waiting[-1] != WHILE_WRITING:
                if not is_early:
                    run.await_cell()
                time.sleep(generator.uniform(0, LONGEST))
                if not run.kill(waiting[-1]):
                    break
                kills[waiting.pop()] += 1
            output, _ = run.process.communicate(timeout=300)
            if is_written and run.process.returncode == -signal.SIGKILL:
                kills[waiting.pop()] += 1
            print(dict(kills), output, sep="\n")
            assert "Traceback" not in output
            if run.process.returncode == 0:
                assert content(run.project) == content(expected)
                finished += 1
                remove(run.project)
            else:
                *_, last = ["", *output.splitlines()]
                assert "  start  " not in output or re.search(LAST_LINES[run.process.returncode], last)
            wait_until(lambda: not run.others())
    finally:
        for cluster in run.clusters:
            cluster.stop()
    wait_until(lambda: not processes_in(tmp_path))
    print(f"{finished} studies finished")
