"""Stage `cost@variant`: count what one variant costs. Usage: python stages/cost.py params.yaml VARIANT"""

import sys
from dataclasses import asdict
from pathlib import Path

from attnbench import cost, errors, paths, placement, records, study


def main() -> None:
    """Build the variant's network and write its counts; the images' shape and classes come from the data summary."""
    params, variant = Path(sys.argv[1]), sys.argv[2]
    plan = study.load(params)
    study.require(plan, params, variant)

    where = paths.StudyPaths(plan.study)
    data = records.read(where.data_summary, records.DataSummary)
    network = placement.build(
        plan.backbone,
        plan.variants[variant],
        classes=len(data.classes),
        image_shape=data.image_shape,
        seed=plan.seeds[0],
    )
    counts = cost.count(network, data.image_shape)
    record = records.CostRecord(study=plan.study, variant=variant, image_shape=data.image_shape, **asdict(counts))
    records.write(where.cost(variant), record)
    print(f"{variant}: {counts.parameters:,} parameters, {counts.macs:,} multiply-adds")


if __name__ == "__main__":
    errors.run_main(main)
