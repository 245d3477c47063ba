"""Stage `latency`: time the inference of all variants in turns. Usage: python stages/latency.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import cost, errors, networks, records
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic
from attnbench.study import StudyPaths, load


def main() -> None:
    """Time newly initialised networks, since weights do not matter for time, and write one record of all variants."""
    study = load(Path(sys.argv[1]))
    arithmetic.set_up(study.machine)  # the same arithmetic as in training
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "latency"):
        images = records.read(paths.data_summary, records.DataSummary)
        built = {variant: networks.build(study, variant, images, study.seeds[0]) for variant in study.variants}
        record = cost.measure(study, built, images.image_shape)
    records.write(paths.latency, record)
    for row in record.rows:
        print(f"{row.variant}, batch size {row.batch_size}: {row.median_ms:.3g} ms ({len(row.round_ms)} rounds)")


if __name__ == "__main__":
    errors.run_main(main)
