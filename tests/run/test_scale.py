"""What a cell costs the process that hands it out and records it: measured for docs/simulations/scale.py.

ACCEPT=1 python -m pytest tests/run/test_scale.py -n0 -s -m slow     # writes docs/simulations/scale.json

Seconds are those of processor time, so other work on the machine changes them little.
"""

import json
import os
import time
from collections.abc import Callable
from concurrent.futures import Future
from itertools import groupby, islice
from pathlib import Path
from statistics import median
from typing import Any

import params
import pytest
from dvc.repo import Repo

from attnbench import machine
from attnbench.records import TimingRecord, files, read
from attnbench.records.lock import HEAD, blocks, read_entries, with_entries
from attnbench.run.driver import Driver
from attnbench.run.engine import Cell, Ended, LocalEngine
from attnbench.run.graph import Stage
from attnbench.run.jobs import Received
from attnbench.run.project import Project as DvcProject
from attnbench.run.schedule import Schedule
from attnbench.run.worker_identity import Requirement, WorkerIdentity
from attnbench.study.repository import LocatedStudy, locate

from .conftest import ROOT, new_project
from .test_cluster import CODE, ENVIRONMENT

distributed = pytest.importorskip("distributed", reason="needs attnbench[cluster]")

MEASURED = ROOT / "docs/simulations/scale.json"
SEEDS = (1, 4, 14, 49)  # of five variants: about 30, 100, 300 and 1,000 stages
AT_ONCE = 10  # cells that are recorded at the same time
PASSES = 30
CELLS = 60
LARGE = 10_000_000  # bytes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning"),  # of a package that DVC uses
]


def spent(action: Callable[[], Any]) -> float:
    began = time.process_time()
    action()
    return time.process_time() - began


def test_measure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studies = {name: study(name) for name in ("shapes", "tutorial")}
    cell, megabyte = dispatch(tmp_path / "cluster", monkeypatch)
    measured = {
        "processor": machine.processor(),
        "studies": studies,
        "lock": [lock(entries, tmp_path) for entries in (1_000, 10_000, 100_000)],
        "dvc": [dvc(tmp_path / str(seeds), seeds, monkeypatch) for seeds in SEEDS],
        "loop": [
            loop(tmp_path / f"{stages}-{workers}", stages, workers)
            for stages, workers in ((1_000, 8), (10_000, 8), (100_000, 8), (1_000, 1_000), (100_000, 1_000))
        ],
        "engine": {"cell": cell, "megabyte": megabyte},
    }
    text = json.dumps(measured, indent=1) + "\n"
    print(text)
    if "ACCEPT" in os.environ:
        MEASURED.write_text(text)


def study(name: str) -> dict[str, Any]:
    """Return the recorded seconds of a study's runs, and the sizes of its files in bytes."""
    located = locate(name, ROOT)
    entries = read_entries(located.params.with_name("dvc.lock"))
    sizes = {out["path"]: out["size"] for entry in entries.values() for out in entry["outs"] if "size" in out}
    runs = [[out["size"] for out in entry["outs"]] for key, entry in entries.items() if key.startswith("train@")]
    weights = [size for path, size in sizes.items() if path.endswith("checkpoint.safetensors")]
    timings = sorted((ROOT / "results" / name / "timing").glob("*.json"))
    return {
        "seconds": sorted(round(read(path, TimingRecord).total_seconds, 1) for path in timings),
        "images": sizes[f"data/{name}.safetensors"],
        "run": median(map(sum, runs)),
        "weights": median(weights),
    }


def lock(entries: int, folder: Path) -> dict[str, float]:
    """Return what putting an entry into a dvc.lock takes, whose others are copies of one of quickstart."""
    name, entry = next(item for item in blocks((ROOT / "dvc.lock").read_text()).items() if item[0].startswith("train@"))
    text = HEAD + "".join(entry.replace(name, f"train@se-{number}") for number in range(entries))
    seconds = spent(lambda: files.write_text(folder / "dvc.lock", with_entries(text, {name: entry})))
    return {"entries": entries, "bytes": len(text), "seconds": round(seconds, 4)}


def dvc(root: Path, seeds: int, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Return what DVC's part of a run takes in a study of stand-ins that is recorded whole."""
    project = new_project(root)
    se = {f"se_{number}": {"attention": "se", "site": "before_pool"} for number in range(4)}
    params.write(root, variants={"baseline": {"attention": "none"}, **se}, seeds=list(range(seeds)))
    project.call("dvc", "repro", "-q", "code")
    monkeypatch.chdir(root)
    with Repo(str(root)) as repo:
        stages = repo.stage.load_all(str(root / "dvc.yaml"))[1:]
        outputs = {stage.name: [Path(out.fs_path) for out in stage.outs] for stage in stages}

    def write(names: list[str]) -> None:
        for name in names:
            for path in outputs[name]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(path))

    with DvcProject(root, "dvc.yaml") as opened:
        for _, names in groupby(outputs, lambda name: name.partition("@")[0]):
            while together := list(islice(names, AT_ONCE)):
                assert all(opened.prepare(name) for name in together)
                write(together)
                assert opened.record(together) == {}
    result: dict[str, float] = {"stages": len(outputs) + 1, "lock": (root / "dvc.lock").stat().st_size}
    result["load"] = spent(lambda: load(root))
    with DvcProject(root, "dvc.yaml") as opened:
        runs = [name for name in outputs if name.startswith("train@")]
        assert opened.changed(runs[0]) is False
        costs = [spent(lambda name=name: opened.prepare(name)) for name in runs]  # each with one more that runs
        result |= {"running": len(runs), "prepare_first": median(costs[:5]), "prepare_last": median(costs[-5:])}
        write(runs)
        result["record_last"] = median(spent(lambda name=name: opened.record([name])) for name in runs[:5])
    return {key: round(value, 4) for key, value in result.items()}


def load(root: Path) -> None:
    with DvcProject(root, "dvc.yaml") as opened:
        assert not any(stage.stale for stage in opened.stages() if stage.kind == "train")


class Passes:
    """An engine and a view: each pass of the driver's loop ends one cell; after some the run is stopped."""

    shares_memory = False

    def __init__(self, workers: int, received: Received) -> None:
        self.workers = workers
        self.received = received
        self.running: list[Future[Ended]] = []
        self.began: list[float] = []

    @property
    def free(self) -> int:
        return self.workers - len(self.running)

    def submit(self, cell: Cell) -> Future[Ended]:
        self.running.append(Future())
        return self.running[-1]

    def log(self, name: str) -> Path:
        return Path(os.devnull)

    def stop(self) -> None:
        for future in self.running:
            future.set_result(Ended(-2, 0.0))

    def show(self, progress: object) -> None:
        self.began.append(time.process_time())
        self.running.pop(0).set_result(Ended(0, 1.0))
        if len(self.began) > PASSES:
            self.received.numbers.append(2)

    def say(self, line: str) -> None:
        pass


class NoDvc:
    """A project in which everything is stale, and records nothing."""

    def changed(self, name: str) -> bool:
        return True

    def absent_writers(self, name: str) -> set[str]:
        return set()

    def prepare(self, name: str) -> bool:
        return True

    def record(self, names: list[str]) -> dict[str, str]:
        return {}

    def release(self, names: list[str]) -> None:
        pass


def loop(root: Path, stages: int, workers: int) -> dict[str, float]:
    """Return what the driver's own loop takes for a cell, with so many stages open and so many workers."""
    root.mkdir()
    params.write(root)
    (root / ".dvc").mkdir()
    (root / "dvc.yaml").touch()
    located, received = locate(None, root), Received()
    engine = Passes(workers, received)
    schedule = Schedule(
        located.study,
        [Stage(f"train@se-{seed}", changed=True, stale=True, command=("python", "x")) for seed in range(stages)],
    )
    stand_ins: Any = (NoDvc(), schedule, engine, engine)
    Driver(located, *stand_ins, received, None).work()
    return {"stages": stages, "workers": workers, "cell": round((engine.began[-1] - engine.began[0]) / PASSES, 6)}


def dispatch(root: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """Return what a cell, and a megabyte that it writes, take in the process of engine and scheduler."""
    from attnbench.run import cluster

    root.mkdir()
    said: list[str] = []
    located = LocatedStudy(root, params.write(root), params.study())
    monkeypatch.setenv("IDENTITY", WorkerIdentity(code=CODE, environment=ENVIRONMENT).model_dump_json())
    monkeypatch.setattr(cluster, "IDENTITY_COMMAND", ("sh", "-c", 'printf %s "$IDENTITY" > identity.json'))
    options: dict[str, Any] = {"n_workers": 2, "threads_per_worker": 2, "memory_limit": 0, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(**options, local_directory=str(root)) as machines,
        distributed.Client(machines) as client,
        LocalEngine([{}], root, root / "log") as here,
        cluster.ClusterEngine(
            client, lambda: None, here, located, Requirement(CODE, None, ""), str(root / "cells"), said.append
        ) as engine,
    ):

        def run(kind: str, script: str, number: int) -> None:
            cells = [
                Cell(f"{kind}@se-{cell}", ("sh", "-c", script), on_worker=True, writes=(f"{cell}.out",))
                for cell in range(number)
            ]
            futures = [engine.submit(cell) for cell in cells]
            assert [future.result(300).status for future in futures] == [0] * number

        run("train", "true", 8)
        cell = spent(lambda: run("train", "true", CELLS)) / CELLS
        copies = CELLS // 3
        script = f"head -c {LARGE} /dev/zero > $(basename $PWD | sed s/.*-//).out"
        large = spent(lambda: run("views", script, copies)) / copies - cell
    return round(cell, 5), round(large / LARGE * 1e6, 6)
