"""Stage `maps@variant-seed`: map faithfulness. Usage: python stages/maps.py params.yaml VARIANT SEED

Scores of the Grad-CAM and the spatial gates of a run, and of maps that see no image. Nothing is trained.
"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

import torch

from attnbench import errors, maps, networks, records
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals, seeding
from attnbench.networks.checkpoint import load_weights
from attnbench.records import prepared
from attnbench.records.trained import read_trained
from attnbench.study import StudyPaths, load, require


def main() -> None:
    """Read weights and images of a run, and write the scores of its maps."""
    params, variant, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    study = load(params)
    require(study, params, variant, seed)
    paths = StudyPaths(study.name)
    device = arithmetic.set_up(study.machine)
    fits = refusals.memory_limit(study.machine, "run fewer at once, as with JOBS=1")
    with unchanged(study, paths, "maps", variant), fits:
        run = read_trained(study, paths, variant, seed)
        images = prepared.load(paths.prepared)
        network = networks.build(study, variant, images, seed)
        load_weights(network, paths.checkpoint(variant, seed))
        untrained = networks.build(study, variant, images, seeding.derive(seed, "maps/untrained"))
        network = network.to(device).to(memory_format=torch.channels_last)
        untrained = untrained.to(device).to(memory_format=torch.channels_last)
        record = records.MapsRecord(
            study=study.name,
            variant=variant,
            seed=seed,
            checkpoint_sha256=run.checkpoint_sha256,
            scores=maps.measure(network, untrained, images, study.maps),
        )
    records.write(paths.map_scores(variant, seed), record)


if __name__ == "__main__":
    errors.run_main(main)
