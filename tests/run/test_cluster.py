"""Cells on a Dask cluster: two workers, and a third that has other code."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from pathlib import Path

import params
import pytest
from made_records import make_run

from attnbench import records
from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import UserError
from attnbench.records import Environment, params_sha256
from attnbench.records.lock import read_entries
from attnbench.run import cluster_file
from attnbench.run.cluster_files import CellFiles
from attnbench.run.engine import Cell, Ended, Engine, EngineLostError, LocalEngine
from attnbench.run.worker_identity import Requirement, WorkerIdentity, requirement
from attnbench.study import StudyPaths
from attnbench.study.repository import LocatedStudy

from .conftest import ROOT, Project, is_alive, new_project

distributed = pytest.importorskip("distributed", reason="needs attnbench[cluster]")

CODE = "0" * 64
PATIENCE = 300  # seconds
WORKER = "$(sed -n 's/PPid:[^0-9]*//p' /proc/$PPID/status)"  # in a cell: the parent of the server that started it
ENVIRONMENT = Environment(
    python="3.11", torch="2", device="cpu", instruction_set="AVX2", processor="A", threads=1, precision="float32",
    memory_format="channels_last",
)  # fmt: skip


class Cluster:
    """Processes of Dask on this machine."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.workers: dict[int, subprocess.Popen[bytes]] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def start(self, program: str, *options: str, source: Path, code: str = CODE) -> "subprocess.Popen[bytes]":
        """Start a program of Dask with the package of `source`; a worker says that its code has the hash `code`."""
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--no-dashboard", "--scheduler-file"]
        identity = WorkerIdentity(code=code, environment=ENVIRONMENT).model_dump_json()
        environment = {"PYTHONPATH": str(source / "src"), "TMPDIR": str(self.folder), "IDENTITY": identity}
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [*command, str(self.folder / "scheduler"), *options],
                env={**os.environ, **environment, "OMP_NUM_THREADS": "3", "CUDA_VISIBLE_DEVICES": "GPU-a,GPU-b"},
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )
        self._processes.append(process)
        return process

    def add_scheduler(self, source: Path) -> "subprocess.Popen[bytes]":
        return self.start("dask_scheduler", "--host", "127.0.0.1", "--port", "0", source=source)

    def add_worker(
        self, name: str, nanny: str = "--no-nanny", *, source: Path, code: str = CODE, at_once: int = 1
    ) -> None:
        options = ["--name", name, nanny, "--nthreads", str(at_once), "--memory-limit", "0"]
        options += ["--local-directory", str(self.folder)]
        process = self.start("dask_worker", *options, source=source, code=code)
        self.workers[process.pid] = process

    @property
    def address(self) -> str:
        """The address of the scheduler, once it listens."""
        file, deadline = self.folder / "scheduler", time.monotonic() + PATIENCE
        while not file.exists() or not file.read_text():
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return str(json.loads(file.read_text())["address"])

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        cluster.add_scheduler(ROOT)
        cluster.add_worker("first", source=ROOT, at_once=2)
        cluster.add_worker("second", source=ROOT, at_once=2)
        cluster.add_worker("old", source=ROOT, code="1" * 64)
        yield cluster
    finally:
        cluster.stop()


def parent(process: int) -> int:
    """Return the parent of a process; 0 if the process has ended."""
    with suppress(OSError):
        return int(Path(f"/proc/{process}/status").read_text().partition("PPid:")[2].split()[0])
    return 0


class Session:
    """An engine on the cluster, the root of its repository, and what it said."""

    def __init__(self, engine: Engine, root: Path, said: list[str]) -> None:
        self.engine = engine
        self.root = root
        self.said = said

    def start_slow(self, name: str) -> "tuple[Future[Ended], int]":
        """Start a cell that takes minutes, but none when it runs again; return its future and its process."""
        pids = self.root / f"{name}.pids"
        script = f"echo $$ >> {pids}; test $(wc -l < {pids}) = 1 && sleep 600; echo done > {name}"
        future = self.engine.submit(Cell(name, ("sh", "-c", script), on_worker=True, writes=(name,)))
        while not pids.exists() or not pids.read_text():
            assert not future.done()
            time.sleep(0.1)
        return future, int(pids.read_text())


@contextmanager
def opened(cluster: Cluster, root: Path, device: str = "cpu") -> Iterator[Session]:
    from attnbench.run import cluster as cluster_engine

    said = list[str]()
    machine = {"device": device, "precision": "float32", "threads": 1}
    located = LocatedStudy(root, params.write(root), params.study(machine=machine))
    with (
        pytest.MonkeyPatch.context() as patch,
        distributed.Client(cluster.address) as client,
        LocalEngine([{}], root, root / "log") as here,
    ):
        patch.setattr(cluster_engine, "IDENTITY_COMMAND", ("sh", "-c", 'printf %s "$IDENTITY" > identity.json'))
        needed = Requirement(CODE, None, "")
        with cluster_engine.ClusterEngine(client, lambda: None, here, located, needed, None, said.append) as engine:
            yield Session(engine, root, said)


@pytest.fixture(scope="module")
def session(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    with opened(cluster, tmp_path_factory.mktemp("root")) as session:
        yield session


def test_outputs_of_a_cell_are_those_of_this_machine(session: Session, tmp_path: Path) -> None:
    script = "cat images weights > sum; mkdir sub; sha256sum weights > sub/hash; echo $OMP_NUM_THREADS"
    cell = Cell(
        "train@sum", ("sh", "-c", script), on_worker=True, reads=("images", "weights"), writes=("sum", "sub/hash")
    )
    for folder in (session.root, tmp_path):
        (folder / "images").write_bytes(bytes(range(256)) * 1000)
        (folder / "weights").write_bytes(b"weights")
    assert session.engine.submit(cell).result(PATIENCE).status == 0
    with LocalEngine([{"OMP_NUM_THREADS": "1"}], tmp_path, tmp_path / "log") as here:
        assert here.submit(cell).result(PATIENCE).status == 0
        assert here.log("train@sum").read_bytes() == session.engine.log("train@sum").read_bytes()
    for path in cell.writes:
        assert (session.root / path).read_bytes() == (tmp_path / path).read_bytes()


def test_an_input_that_a_cell_drops_has_another_name_when_it_is_sent_again(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise a cell could remove what has come for the next one, which runs on the same worker."""
    client, requests = session.engine._client, {}  # type: ignore[attr-defined]

    def submit(function, *arguments, **options):
        if function.__name__ == "run_cell":
            request = json.loads(arguments[0])
            requests[request["name"]] = request
        return type(client).submit(client, function, *arguments, **options)

    def start(name: str, reads: str) -> "Future[Ended]":
        command = ("sh", "-c", f"cat {reads} > {name}")
        return session.engine.submit(Cell(name, command, on_worker=True, reads=(reads,), writes=(name,)))

    monkeypatch.setattr(client, "submit", submit)
    deadline = time.monotonic() + PATIENCE
    while session.engine.free < 4:  # so that all three run on the worker that joined first
        assert time.monotonic() < deadline
        time.sleep(0.1)
    for name in ("weights", "images"):
        (session.root / name).write_text(name)
    assert start("before", "weights").result(PATIENCE).status == 0
    futures = [start("drops", "images"), start("needs", "weights")]
    assert [future.result(PATIENCE).status for future in futures] == [0, 0]
    dropped = requests["drops"]["drop"]
    assert requests["before"]["reads"]["weights"] in dropped
    assert requests["needs"]["reads"]["weights"] not in dropped
    assert (session.root / "needs").read_text() == "weights"


def test_a_cell_that_fails_leaves_its_log_alone(session: Session) -> None:
    script = "echo half > half; echo the reason; exit 3"
    cell = Cell("train@fails", ("sh", "-c", script), on_worker=True, writes=("half",))
    assert session.engine.submit(cell).result(PATIENCE).reason == "exit status 3"
    assert session.engine.log("train@fails").read_text() == "the reason\n"
    assert not (session.root / "half").exists()


def test_cells_that_run_at_once_on_a_worker_have_one_card_each(cluster: Cluster, tmp_path: Path) -> None:
    started = tmp_path / "started"
    script = (
        f"echo {WORKER} $CUDA_VISIBLE_DEVICES >> {started}; until test $(wc -l < {started}) = 4; do sleep 0.1; done"
    )
    before = inputs(cluster)
    with opened(cluster, tmp_path, device="cuda") as session:
        cells = [Cell(f"train@{number}", ("sh", "-c", script), on_worker=True) for number in range(4)]
        ended = [session.engine.submit(cell) for cell in cells]
        assert [future.result(PATIENCE).status for future in ended] == [0] * 4
    lines = started.read_text().splitlines()
    assert sorted(line.split()[1] for line in lines) == ["GPU-a", "GPU-a", "GPU-b", "GPU-b"]
    assert len(set(lines)) == 4
    deadline = time.monotonic() + 30
    while inputs(cluster) != before:  # workers live on, and keep nothing of a run that has ended
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_inputs_of_a_run_that_was_killed_are_removed_when_another_run_sends_some(
    session: Session, cluster: Cluster, tmp_path: Path
) -> None:
    (session.root / "kept").write_text("kept")
    for name in ("first", "second"):
        assert (
            session.engine.submit(Cell(name, ("true",), on_worker=True, reads=("kept",))).result(PATIENCE).status == 0
        )
    before = inputs(cluster)
    killed = {path.parents[1] / "attnbench-killed/weights" for path in before}
    assert killed
    for path in killed:
        path.parent.mkdir()
        path.touch()
    deadline = time.monotonic() + PATIENCE
    with opened(cluster, tmp_path):  # it asks all workers who they are, which needs params.yaml
        while killed & inputs(cluster):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    assert before <= inputs(cluster)  # of a run that goes on


def inputs(cluster: Cluster) -> set[Path]:
    return {path for path in cluster.folder.rglob("inputs/*/*") if path.is_file()}


def test_a_worker_with_other_code_is_refused_by_name(session: Session) -> None:
    deadline = time.monotonic() + PATIENCE
    while not any(line.startswith("refused worker old") and "other code" in line for line in session.said):
        assert time.monotonic() < deadline, session.said
        time.sleep(0.1)


def test_the_cell_of_a_killed_worker_runs_again_on_another(session: Session, cluster: Cluster) -> None:
    future, process = session.start_slow("train@slow")
    cluster.workers[parent(parent(process))].kill()
    assert future.result(PATIENCE).status == 0
    assert (session.root / "train@slow").read_text() == "done\n"
    assert "again  train@slow, on another worker" in session.said
    wait_for_the_end_of(process)  # the server of the killed worker kills it, at about the time of the second start


@pytest.mark.slow
def test_a_cell_survives_its_nanny_and_a_suspended_worker_but_not_the_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL", "40s")  # the default is 5 minutes
    cluster = Cluster(tmp_path)
    try:
        scheduler = cluster.add_scheduler(ROOT)
        cluster.add_worker("first", "--nanny", source=ROOT)
        (tmp_path / "root").mkdir()
        with opened(cluster, tmp_path / "root") as session:
            future, process = session.start_slow("train@nanny")
            nanny = parent(parent(parent(process)))
            assert nanny in cluster.workers
            for name in ("second", "third"):  # a nanny would start one anew that is suspended
                cluster.add_worker(name, source=ROOT)
            os.kill(nanny, signal.SIGKILL)
            assert future.result(PATIENCE).status == 0
            wait_for_the_end_of(process)

            future, process = session.start_slow("train@suspended")
            worker = parent(parent(process))
            os.kill(worker, signal.SIGSTOP)
            assert future.result(PATIENCE).status == 0
            os.kill(worker, signal.SIGCONT)
            wait_for_the_end_of(process)
            for name in ("train@nanny", "train@suspended"):
                assert f"again  {name}, on another worker" in session.said
                assert (session.root / name).read_text() == "done\n"

            future, process = session.start_slow("train@scheduler")
            scheduler.kill()
            assert future.result(PATIENCE).reason == "killed (SIGINT)"
            wait_for_the_end_of(process)
            assert future.result().lost == "the connection to the scheduler of the cluster is lost"
            with pytest.raises(EngineLostError, match="the connection to the scheduler of the cluster is lost"):
                session.start_slow("train@next")
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_cell_that_loses_its_worker_four_times_fails(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    (tmp_path / "root").mkdir()
    try:
        cluster.add_scheduler(ROOT)
        cluster.add_worker("first", "--nanny", source=ROOT)  # the nanny starts it anew each time
        with opened(cluster, tmp_path / "root") as session:
            script = f"echo >> {tmp_path}/starts; kill -9 {WORKER}; sleep 600"
            ended = session.engine.submit(Cell("train@deadly", ("sh", "-c", script), on_worker=True)).result(PATIENCE)
            assert ended.reason == "exit status 1"
            log = session.engine.log("train@deadly").read_text()
            assert re.fullmatch(r"this cell lost its worker 4 times, the last at tcp://127\.0\.0\.1:\d+\n", log)
            assert (tmp_path / "starts").read_text() == 4 * "\n"
            assert session.said.count("again  train@deadly, on another worker") == 3
            assert session.engine.submit(Cell("train@next", ("true",), on_worker=True)).result(PATIENCE).status == 0
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_counts_as_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.run.cluster.ANSWER_TIMEOUT", 5.0)
    cluster = Cluster(tmp_path)
    (tmp_path / "root").mkdir()
    try:
        scheduler = cluster.add_scheduler(ROOT)
        cluster.add_worker("first", source=ROOT)
        with opened(cluster, tmp_path / "root") as session:
            future, _ = session.start_slow("train@slow")
            os.kill(scheduler.pid, signal.SIGSTOP)
            assert future.result(30).lost == "the connection to the scheduler of the cluster is lost"
            began = time.monotonic()
        assert time.monotonic() - began < 60  # the client ends, too
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_study_is_recorded_as_on_this_machine(tmp_path: Path) -> None:
    project, local = new_project(tmp_path / "project"), new_project(tmp_path / "local")
    (tmp_path / "cluster").mkdir()
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.add_scheduler(project.root)
        cluster.add_worker("first", source=project.root)
        cluster.add_worker("second", source=project.root)
        (tmp_path / "cluster.yaml").write_text(f"cluster: {{engine: dask, address: '{cluster.address}'}}\n")
        project.call("attnbench", "run", "--cluster", "../cluster.yaml")
    finally:
        cluster.stop()
    local.call("attnbench", "run", "--jobs", "2")
    assert written(project) == written(local)
    assert read_entries(project.root / "dvc.lock") == read_entries(local.root / "dvc.lock")


@pytest.mark.slow
def test_ten_thousand_cells_that_do_nothing(tmp_path: Path) -> None:
    """Print what they cost; CELLS=500 runs fewer."""
    count = int(os.environ.get("CELLS", "10000"))
    cells = [Cell(f"train@{number}", ("true",), on_worker=True) for number in range(count)]
    cluster = Cluster(tmp_path)
    (tmp_path / "root").mkdir()
    try:
        processes = [cluster.add_scheduler(ROOT)]
        for name in ("first", "second", "third"):
            cluster.add_worker(name, source=ROOT)
        with opened(cluster, tmp_path / "root") as session:
            pids = [process.pid for process in (*processes, *cluster.workers.values())]
            assert session.engine.submit(Cell("train@first", ("true",), on_worker=True)).result(PATIENCE).status == 0
            began, own = time.monotonic(), time.process_time()
            before = [memory(process) for process in (*pids, os.getpid())]
            ended = [session.engine.submit(cell) for cell in cells]
            print(f"\n{count} cells: submitted in {time.monotonic() - began:.1f} s", end="")
            assert {future.result().status for future in ended} == {0}
            print(f", ended after {time.monotonic() - began:.0f} s", end="")
            print(f"; processor time of this process {(time.process_time() - own) / count * 1000:.1f} ms each")
            after = [memory(process) for process in (*pids, os.getpid())]
            for name, *growth in zip(("scheduler", "first", "second", "third", "engine"), before, after, strict=True):
                print(f"{name}: {growth[0]} MiB before, {growth[1]} MiB after")
        left = [path for path in tmp_path.rglob("*") if path.is_file()]
        logs = [path for path in left if path.is_relative_to(tmp_path / "root" / "log")]
        print(f"{len(logs)} logs, {len(left) - len(logs)} other files")
    finally:
        cluster.stop()


def memory(process: int) -> int:
    """Return the resident memory of a process in MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) // 1024


def wait_for_the_end_of(process: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while is_alive(process):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def written(project: Project) -> dict[str, bytes]:
    """Return the files that a run leaves, without dvc.lock."""
    folders = ("results", "reports", "runs", "data")
    paths = [path for folder in folders for path in (project.root / folder).rglob("*") if path.is_file()]
    return {path.relative_to(project.root).as_posix(): path.read_bytes() for path in paths}


def test_a_worker_of_another_class_of_machine_is_refused() -> None:
    identity = WorkerIdentity(code=CODE, environment=ENVIRONMENT)
    other = ENVIRONMENT.model_copy(update={"processor": "B"})
    assert Requirement(CODE, None, "").refusal(identity) is None
    assert Requirement(CODE, ENVIRONMENT, "").refusal(identity) is None
    refusal = Requirement(CODE, other, "the recorded runs of seed 0 have").refusal(identity)
    assert refusal is not None
    assert refusal.startswith("another class of machine: processor A; the recorded runs of seed 0 have B.")
    assert "other code" in str(Requirement("1" * 64, None, "").refusal(identity))


def test_runs_that_stay_set_the_class_of_machine_of_their_seed(tmp_path: Path) -> None:
    study, paths = params.study(), StudyPaths("small", tmp_path)
    code = str(Fingerprints(study).of("train", "baseline")["sha256"])
    made = {"study": "small", "params": params_sha256(study, "baseline"), "environment": ENVIRONMENT}
    for of_record, expected in ((code, ENVIRONMENT), ("0" * 64, None)):  # of today, and of other code
        records.write(paths.record("baseline", 0), make_run("baseline", 0, 0.5, code=of_record, **made))
        assert requirement(study, paths, ["baseline-0", "se-0"], ["se-0"]).environment == expected
        assert requirement(study, paths, ["baseline-1", "se-1"], []).environment is None  # another seed
        assert requirement(study, paths, ["baseline-0"], []).environment is None  # which stays, and nothing is trained
        assert requirement(study, paths, ["baseline-0", "se-0"], ["baseline-0", "se-0"]).environment is None


def test_the_seeds_of_a_run_need_one_class_of_machine(tmp_path: Path) -> None:
    study = params.study(variants={name: {"attention": "none"} for name in "abcd"}, baseline="a")
    code, paths = str(Fingerprints(study).of("train", "a")["sha256"]), StudyPaths("small", tmp_path)
    other = ENVIRONMENT.model_copy(update={"processor": "B"})
    made = [("a", 0, other), ("b", 0, ENVIRONMENT), ("c", 0, ENVIRONMENT), ("a", 1, other)]
    for variant, seed, environment in made:
        hashes = {"study": "small", "code": code, "params": params_sha256(study, variant)}
        records.write(paths.record(variant, seed), make_run(variant, seed, 0.5, environment=environment, **hashes))
    assert requirement(study, paths, ["d-0"], ["d-0"]).environment == ENVIRONMENT  # of most runs that stay
    assert requirement(study, paths, ["d-1"], ["d-1"]).environment == other
    with pytest.raises(UserError, match=r"the runs of seeds 0 and 1 come from two classes .* as with `--seeds 0`$"):
        requirement(study, paths, ["d-0", "d-1"], ["d-0", "d-1"])


def test_an_input_that_is_missing_fails_its_cell_alone(session: Session) -> None:
    missing = Cell("train@missing", ("true",), on_worker=True, reads=("nowhere",))
    assert session.engine.submit(missing).result(PATIENCE).status == 1
    assert "No such file or directory" in session.engine.log("train@missing").read_text()
    assert session.engine.submit(Cell("train@next", ("true",), on_worker=True)).result(PATIENCE).status == 0


def test_outputs_that_cannot_be_written_fail_their_cell_alone(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(outputs: dict[str, bytes]) -> None:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))

    cell = Cell("train@stale", ("sh", "-c", "echo text > stale"), on_worker=True, writes=("stale",))
    with monkeypatch.context() as patch:
        patch.setattr(session.engine._files, "write", write)  # type: ignore[attr-defined]
        assert session.engine.submit(cell).result(PATIENCE).status == 1
    assert "Stale file handle" in session.engine.log("train@stale").read_text()
    assert session.engine.submit(cell).result(PATIENCE).status == 0


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_fault_of_the_engine_leaves_no_cell_without_an_end(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(outputs: dict[str, bytes]) -> None:
        raise RuntimeError("as of a fault that nobody knows")

    with opened(cluster, tmp_path) as session:
        monkeypatch.setattr(session.engine._files, "write", write)  # type: ignore[attr-defined]
        futures = [session.engine.submit(Cell(f"train@{n}", ("true",), on_worker=True)) for n in range(2)]
        assert ["traceback" in str(future.result(PATIENCE).lost) for future in futures] == [True, True]


def test_no_output_of_a_cell_is_replaced_if_there_is_no_room_for_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "first").write_bytes(b"old")
    full = iter([None, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))])

    def fsync(file: int) -> None:
        if (error := next(full)) is not None:
            raise error

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match="no space left"):
        CellFiles(tmp_path).write({"first": b"new", "second": b"new"})
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("first", b"old")]


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
