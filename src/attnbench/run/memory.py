"""How much memory a training run on the processor takes, so that no more runs start at once than fit.

An estimate from the counts of the variants, which the stage `cost` writes before anything trains. Where it is too low,
the system ends runs in the middle of a night. Peaks of resident memory, estimated and measured with torch 2.15:

    cnn, 60,000 images of 32 x 32, batch 64          1.7 GiB    1.6 GiB
    ResNet-50, two steps on 224 x 224, batch 16      3.1 GiB    3.0 GiB
"""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path

from attnbench import machine, records
from attnbench.errors import UserError
from attnbench.records import CostRecord, DataSummary
from attnbench.study import Study, StudyPaths

VMSTAT = Path("/proc/vmstat")  # of Linux; in a container, that of the whole machine
PROCESS = 700 * 2**20  # bytes of Python, torch and its buffers
COPIES_OF_IMAGES = 5  # as loaded, as packed rows of four bytes a pixel, split, and in evaluation
COPIES_OF_WEIGHTS = 5  # weights, gradients, two moments of the optimiser, and the state that is saved
OVERHEAD = 1.5  # of the activations: their gradients, and what the allocator keeps


@dataclass(frozen=True)
class Estimate:
    """The memory of one run, and what is free, in bytes."""

    run: int
    free: int

    @property
    def runs(self) -> int:
        """How many runs fit at once; 1 if not even one does."""
        return max(1, self.free // self.run)

    def __str__(self) -> str:
        return f"a run takes about {self.run / 2**30:.1f} GiB of memory; {self.free / 2**30:.1f} GiB are free"


def estimate(study: Study, paths: StudyPaths, variants: Collection[str]) -> Estimate | None:
    """Estimate the largest run among these variants; None if there is none, or if no counts can be read."""
    if study.machine.device_type != "cpu" or not variants:
        return None
    try:
        data = records.read(paths.data_summary, DataSummary)
        costs = [records.read(paths.cost(variant), CostRecord) for variant in variants]
    except UserError:
        return None  # only advice: the stages that need these records report what is wrong with them
    channels, height, width = data.image_shape
    images = (data.train + data.validation + data.test) * channels * height * width
    network = max(_network(cost, study.recipe.batch_size) for cost in costs)
    return Estimate(PROCESS + COPIES_OF_IMAGES * images + network, machine.available_memory())


def runs_at_once(estimate: Estimate | None, together: int, jobs: int | None, say: Callable[[str], None]) -> int:
    """Return how many of `together` runs may train at once, and say why; `jobs` is what the user asked for."""
    if estimate is None:
        return together
    if estimate.runs >= together:
        say(f"{estimate}")
    elif jobs:
        say(f"warning: {estimate}, so {together} at once may not fit; --jobs {estimate.runs} would")
    else:
        say(f"{estimate}, so {estimate.runs} at once instead of {together}")
        return estimate.runs
    return together


def _network(cost: CostRecord, batch_size: int) -> int:
    return COPIES_OF_WEIGHTS * 4 * cost.parameters + int(OVERHEAD * cost.activation_bytes * batch_size)


def kills() -> int:
    """Return how many processes the system has killed for want of memory since it started; 0 if it does not say."""
    match = (
        re.search(r"^oom_kill (\d+)$", VMSTAT.read_text(encoding="utf-8"), re.MULTILINE) if VMSTAT.exists() else None
    )
    return int(match[1]) if match else 0
