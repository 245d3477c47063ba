"""Stage `cost@variant`: count what one variant costs. Usage: python stages/cost.py params.yaml VARIANT"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from dataclasses import asdict
from pathlib import Path

from attnbench import cost, errors, networks, records
from attnbench.code.unchanged import unchanged
from attnbench.study import StudyPaths, load, require


def main() -> None:
    """Build the variant's network and write its counts; the images' shape and classes come from the data summary."""
    params, variant = Path(sys.argv[1]), sys.argv[2]
    study = load(params)
    require(study, params, variant)
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "cost", variant):
        images = records.read(paths.data_summary, records.DataSummary)
        counts = cost.count(networks.build(study, variant, images, study.seeds[0]), images.image_shape)
    record = records.CostRecord(study=study.name, variant=variant, image_shape=images.image_shape, **asdict(counts))
    records.write(paths.cost(variant), record)
    print(f"{variant}: {counts.parameters:,} parameters, {counts.macs:,} multiply-adds")


if __name__ == "__main__":
    errors.run_main(main)
