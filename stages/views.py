"""Stage `views@variant`: arrays for the figures of the first seed. Usage: python stages/views.py params.yaml VARIANT

They show what the network responds to in a few fixed test images; the report draws them.
"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors, networks, views
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic
from attnbench.networks.checkpoint import load_weights
from attnbench.records import prepared
from attnbench.records import views as view_files
from attnbench.study import StudyPaths, load, require


def main() -> None:
    """Read checkpoint and images, and write the arrays of the figures."""
    params, variant = Path(sys.argv[1]), sys.argv[2]
    study = load(params)
    require(study, params, variant)
    arithmetic.set_threads(study.machine)
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "views", variant):
        images, seed = prepared.load(paths.prepared), study.seeds[0]
        network = networks.build(study, variant, images, seed)
        load_weights(network, paths.checkpoint(variant, seed))
        arrays = views.compute(network, images, count=study.views.images, variant=variant, seed=seed)
    view_files.save(paths.view(variant), arrays)


if __name__ == "__main__":
    errors.run_main(main)
