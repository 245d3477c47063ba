"""Stage `latency`: time inference and training steps of all variants. Usage: python stages/latency.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from functools import partial
from pathlib import Path

from attnbench import cost, errors, networks, records
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals
from attnbench.study import StudyPaths, load
from attnbench.train.timing import timed_step


def main() -> None:
    """Time newly initialised networks, since weights do not matter for time, and write one record of all variants."""
    study = load(Path(sys.argv[1]))
    arithmetic.set_up(study.machine)  # the same arithmetic as in training
    paths = StudyPaths(study.name)
    fits = refusals.memory_limit(study.machine, "write smaller `latency: batch_sizes`")
    with unchanged(study, paths, "latency"), fits:
        images = records.read(paths.data_summary, records.DataSummary)
        built = {variant: networks.build(study, variant, images, study.seeds[0]) for variant in study.variants}
        record = cost.measure(study, built, images, partial(timed_step, study))
    records.write(paths.latency, record)
    for row in record.inference:
        print(f"{row.variant}, batch size {row.batch_size}: {row.median_ms:.3g} ms ({len(row.round_ms)} rounds)")
    for row in record.training_step:
        print(f"{row.variant}, training step: {row.median_ms:.3g} ms ({len(row.round_ms)} rounds)")


if __name__ == "__main__":
    errors.run_main(main)
