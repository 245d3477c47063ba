"""Stage `latency`: time the inference of all variants in turns. Usage: python stages/latency.py params.yaml"""

import sys
from pathlib import Path

from attnbench import cost, errors, paths, placement, records, study
from attnbench.training import arithmetic


def main() -> None:
    """Build every variant's network with fresh weights, which do not matter for time, and write one record of all."""
    plan = study.load(Path(sys.argv[1]))
    # as in training: no TensorFloat-32 under the name of float32, no page faults that depend on what was timed before
    arithmetic.set_up(plan.machine)
    where = paths.StudyPaths(plan.study)
    data = records.read(where.data_summary, records.DataSummary)
    networks = {
        name: placement.build(
            plan.backbone, variant, classes=len(data.classes), image_shape=data.image_shape, seed=plan.seeds[0]
        )
        for name, variant in plan.variants.items()
    }
    record = cost.measure(plan, networks, data.image_shape)
    records.write(where.latency, record)
    for row in record.rows:
        print(
            f"{row.variant} x{row.batch_size}: {row.median_ms:.3g} ms, "
            f"{row.ratio:.3f} [{row.ratio_low:.3f}, {row.ratio_high:.3f}] of {record.baseline} ({row.rounds} rounds)"
        )


if __name__ == "__main__":
    errors.run_main(main)
