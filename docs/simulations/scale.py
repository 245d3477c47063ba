"""How long a study of many runs takes on a cluster: the table of docs/scaling.md, from the costs in scale.json.

    python docs/simulations/scale.py

A discrete-event simulation. Workers train; two things serve them one after another in the order of arrival: the process
of `attnbench run`, which hands out cells, takes outputs and records them, and its network card. Seconds of a run are
drawn from the recorded ones of a study. `tests/run/test_scale.py` measures scale.json.
"""

import heapq
import json
import random
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

CELLS = 4  # of a run: train, ablate, robustness, maps
WEIGHT_READERS = 3  # of them, each perhaps on another worker
BYTES_PER_SECOND = 125e6  # 1 Gbit/s
WORK_PER_RECORDING = 10  # as in run/driver.py
TABLE = [(runs, workers, 1) for runs in (1_000, 100_000) for workers in (8, 64, 256, 1_000)] + [(100_000, 1_000, 10)]
HEADER = ("study", "runs", "workers", "studies", "hours", "workers busy", "process busy", "dvc.lock", "network busy")


@dataclass(frozen=True)
class Costs:
    """Seconds of the process, or of its network card where that is said."""

    load: float = 0.0  # for each stage, before anything starts
    start: float = 0.0  # for a run: its cells prepared, sent, and their outputs taken
    start_per_running: float = 0.0  # for each run that is under way: DVC's list of files in use
    start_per_open: float = 0.0  # for each stage that is left: the schedule
    record: float = 0.0  # for a run
    record_per_running: float = 0.0
    record_per_entry: float = 0.0  # for each entry of dvc.lock, however many runs are recorded at once
    images: float = 0.0  # of the card, for a worker
    transfer: float = 0.0  # of the card, for a run


@dataclass(frozen=True)
class Result:
    """Seconds from the start of the command to its end, and the shares of it that things were busy."""

    seconds: float
    workers: float
    process: float
    lock: float  # of that of the process
    network: float


class _Server:
    """Serves one request after another, in the order of the calls."""

    def __init__(self) -> None:
        self.free_at = 0.0
        self.busy = 0.0

    def serve(self, now: float, seconds: float) -> float:
        """Return when a request that arrives now has been served."""
        self.free_at = max(self.free_at, now) + seconds
        self.busy += seconds
        return self.free_at


def simulate(seconds: list[float], workers: int, costs: Costs) -> Result:
    """Return how long runs of these seconds take, in this order."""
    process, card = _Server(), _Server()
    entries, left, running, unrecorded, new = CELLS * len(seconds), len(seconds), 0, 0, workers
    lock = costs.load * entries
    records_at = process.serve(0.0, lock)
    events = [(process.free_at, "free", worker) for worker in range(workers)]

    def record(now: float) -> float:
        nonlocal unrecorded, lock
        spent = unrecorded * (costs.record + costs.record_per_running * running) + costs.record_per_entry * entries
        unrecorded, lock = 0, lock + costs.record_per_entry * entries
        return process.serve(now, spent) + WORK_PER_RECORDING * spent

    while events:
        now, what, worker = heapq.heappop(events)
        if what == "ended":
            heapq.heappush(events, (card.serve(now, costs.transfer), "arrived", worker))
            continue
        if what == "arrived":
            running, unrecorded = running - 1, unrecorded + 1
            if max(process.free_at, now) >= records_at or (not left and process.free_at <= now):
                records_at = record(now)
        if left:
            spent = costs.start + costs.start_per_running * running + costs.start_per_open * CELLS * left
            begun = process.serve(now, spent)
            if new:
                begun, new = card.serve(begun, costs.images), new - 1
            left, running = left - 1, running + 1
            heapq.heappush(events, (begun + seconds[left], "ended", worker))
    if unrecorded:
        record(process.free_at)
    end = max(process.free_at, card.free_at)
    return Result(end, sum(seconds) / workers / end, process.busy / end, lock / end, card.busy / end)


def costs_of(study: str, measured: dict[str, Any]) -> Costs:
    """Return the costs of a study: lines through what was measured, also beyond it."""
    *_, small, large = measured["dvc"]
    files = measured["studies"][study]
    few, many = (next(row for row in measured["loop"] if row["stages"] == stages) for stages in (10_000, 100_000))
    sent = files["run"] + WEIGHT_READERS * files["weights"]
    per_running = (large["prepare_last"] - large["prepare_first"]) / large["running"]
    per_recorded = (large["record_last"] - small["record_last"]) / (large["running"] - small["running"])
    prepare = large["prepare_first"] + measured["engine"]["cell"]
    return Costs(
        load=(large["load"] - small["load"]) / (large["stages"] - small["stages"]),
        start=CELLS * prepare + measured["engine"]["megabyte"] * sent / 1e6,
        start_per_running=CELLS * per_running,
        start_per_open=CELLS * (many["cell"] - few["cell"]) / (many["stages"] - few["stages"]),
        record=CELLS * (small["record_last"] - per_recorded * small["running"]),
        record_per_running=CELLS * per_recorded,
        record_per_entry=measured["lock"][-1]["seconds"] / measured["lock"][-1]["entries"],
        images=files["images"] / BYTES_PER_SECOND,
        transfer=sent / BYTES_PER_SECOND,
    )


def row(study: str, measured: dict[str, Any], runs: int, workers: int, studies: int) -> list[str]:
    """Return a line of the table; `studies` share runs and workers, and the slowest counts."""
    generator = random.Random(0)
    recorded = measured["studies"][study]["seconds"]
    results = [
        simulate(generator.choices(recorded, k=runs // studies), workers // studies, costs_of(study, measured))
        for _ in range(studies)
    ]
    last = max(results, key=lambda result: result.seconds)
    shares = (last.workers, last.process, last.lock, last.network)
    counts = (f"{count:,}" for count in (runs, workers, studies))
    return [study, *counts, f"{last.seconds / 3600:,.1f}", *(f"{share:.0%}" for share in shares)]


def main() -> None:
    """Print the table."""
    measured = json.loads(Path(__file__).with_name("scale.json").read_text(encoding="utf-8"))
    rows = [row(study, measured, *case) for study in measured["studies"] for case in TABLE]
    table = tabulate(rows, HEADER, tablefmt="pipe", disable_numparse=True, colalign=["left"] + ["right"] * 8)
    sys.stdout.write(f"{table}\n")


if __name__ == "__main__":
    main()
