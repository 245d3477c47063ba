"""Stage `latency`: time inference and training steps of all variants. Usage: python stages/latency.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import cost, errors, records
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals
from attnbench.study import StudyPaths, load
from attnbench.train.timing import timed_step


def main() -> None:
    """Time newly initialised networks, since weights do not matter for time, and write one record of all variants."""
    sys.path.append(str(Path(__file__).resolve().parent))  # the processes import this file, and so `source`
    study = load(Path(sys.argv[1]))
    arithmetic.set_up(study.machine)  # refuses a device that is missing
    paths = StudyPaths(study.name)
    fits = refusals.memory_limit(study.machine, "write smaller `latency: batch_sizes`")
    with unchanged(study, paths, "latency"), fits:
        images = records.read(paths.data_summary, records.DataSummary)
        record = cost.measure(study, images, timed_step)
    records.write(paths.latency, record)
    for row in record.inference:
        print(f"{row.variant}, batch size {row.batch_size}: {row.median_ms:.3g} ms ({rounds(row)})")
    for row in record.training_step:
        print(f"{row.variant}, training step: {row.median_ms:.3g} ms ({rounds(row)})")


def rounds(row: records.LatencyRow) -> str:
    """Return how often a variant was timed: `6 + 6 + 5 rounds`, one number for each process."""
    return f"{' + '.join(str(len(process)) for process in row.round_ms)} rounds"


if __name__ == "__main__":
    errors.run_main(main)
