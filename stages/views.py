"""Stage `views@variant`: what the variant's network of the first seed looks at on a few fixed test images.

Called from the repository root: python stages/views.py PARAMS VARIANT
"""

import sys
from pathlib import Path

import torch

from attnbench import errors, paths, placement, study, views
from attnbench.data import prepared
from attnbench.records import views as store


def main() -> None:
    """Read checkpoint and images, write the arrays behind the figures."""
    params, variant = Path(sys.argv[1]), sys.argv[2]
    plan = study.load(params)
    study.require(plan, params, variant)
    torch.set_num_threads(plan.machine.threads)  # the number of threads changes the last bits
    where = paths.StudyPaths(plan.study)
    data = prepared.load(where.prepared)
    seed = plan.seeds[0]
    network = placement.build(
        plan.backbone,
        plan.variants[variant],
        classes=len(data.description.classes),
        image_shape=data.image_shape,
        seed=seed,
    )
    views.load_weights(network, where.checkpoint(variant, seed))
    found = views.compute(network, data, images=plan.views.images, variant=variant, seed=seed)
    store.save(where.view(variant), found)


if __name__ == "__main__":
    errors.run_main(main)
