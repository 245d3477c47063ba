"""Simulate studies on clusters: how busy the workers are. Usage: python tests/run/simulate_cluster.py

One process hands out cells, takes their outputs and records them, as `run/driver.py` and `run/cluster.py` do. Its costs
are CPU seconds, measured as docs/scaling.md says; the lengths of cells are drawn from a log-normal distribution.
"""

import heapq
import math
import random

HAND_OUT = 0.004  # seconds for each cell: two calls of Dask, the log
PREPARE = 0.02  # for each cell: DVC's check of its inputs, and the removal of its outputs
RECORD = 0.04  # for each cell: DVC's hashes and cache
LOCK = 2e-6  # for each recording and entry of dvc.lock: the file is written again
PASS = 1e-6  # for each pass of the driver's loop and cell: which are ready
NETWORK = 100e6  # bytes a second
IMAGES = 180e6  # bytes, sent to each worker once: CIFAR-10
SPREAD = 0.1  # of the logarithm of a cell's length


def busy(cells: int, workers: int, seconds: float) -> tuple[float, float]:
    """Return hours of the whole study, and the share of the workers' time in which they work."""
    stream = random.Random(0)
    now, waiting, work, recorded = 0.0, cells, 0.0, 0
    running: list[float] = []  # when each cell ends
    sent = 0
    while waiting or running:
        now = max(now, running[0]) if running and (not waiting or len(running) == workers) else now
        ended = 0
        while running and running[0] <= now:
            heapq.heappop(running)
            ended += 1
        now += PASS * cells + ended * (HAND_OUT + RECORD)
        if ended:
            recorded += ended
            now += LOCK * recorded
        while waiting and len(running) < workers:
            now += PREPARE
            if sent < workers:
                now += IMAGES / NETWORK
                sent += 1
            length = seconds * math.exp(stream.gauss(0, SPREAD))
            heapq.heappush(running, now + length)
            work += length
            waiting -= 1
    return now / 3600, work / (workers * now)


if __name__ == "__main__":
    print("cells, workers: hours and share of the workers' time used, for cells of 1 min, 10 min and 1 h")
    for cells in (1000, 100_000):
        for workers in (8, 64, 256, 1000):
            results = [busy(cells, workers, seconds) for seconds in (60, 600, 3600)]
            print(f"{cells:7,} {workers:5,}", *(f"{hours:9.1f} h {share:5.0%}" for hours, share in results))
