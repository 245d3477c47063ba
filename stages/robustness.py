"""Stage `robustness@variant-seed`: corrupted images. Usage: python stages/robustness.py params.yaml VARIANT SEED

Accuracy of a run on corrupted test images, and its calibration on clean ones. Nothing is trained.
"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

import torch

from attnbench import errors, networks, records, robustness
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals
from attnbench.networks.checkpoint import load_weights
from attnbench.records import prepared, tensors
from attnbench.records.trained import read_trained
from attnbench.study import StudyPaths, load, require


def main() -> None:
    """Read weights, predictions and images of a run, and write its robustness."""
    params, variant, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    study = load(params)
    require(study, params, variant, seed)
    paths = StudyPaths(study.name)
    device = arithmetic.set_up(study.machine)
    fits = refusals.memory_limit(study.machine, "run fewer at once, as with JOBS=1")
    with unchanged(study, paths, "robustness", variant), fits:
        run = read_trained(study, paths, variant, seed)
        images = prepared.load(paths.prepared)
        network = networks.build(study, variant, images, seed)
        load_weights(network, paths.checkpoint(variant, seed))
        predictions, _ = tensors.read(paths.predictions(variant, seed))
        logits = torch.from_numpy(predictions["logits"])
        rows = robustness.rows_of(images, study.robustness.images)
        network = network.to(device).to(memory_format=torch.channels_last)
        record = records.RobustnessRecord(
            study=study.name,
            variant=variant,
            seed=seed,
            checkpoint_sha256=run.checkpoint_sha256,
            images=len(rows),
            accuracy=robustness.clean_accuracy(logits, images, rows),
            corrupted=robustness.corrupted_accuracy(network, images, rows),
            calibration=robustness.calibration(logits, images.test_labels),
        )
    records.write(paths.robust(variant, seed), record)


if __name__ == "__main__":
    errors.run_main(main)
