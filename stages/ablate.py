"""Stage `ablate@variant-seed`: a run with blind modules. Usage: python stages/ablate.py params.yaml VARIANT SEED

Its gates are frozen to their means, and shuffled over the images. Nothing is trained.
"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from dataclasses import asdict
from pathlib import Path

import torch

from attnbench import errors, networks, records
from attnbench.ablate import ablate
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals
from attnbench.networks.checkpoint import load_weights
from attnbench.records import files, prepared
from attnbench.study import StudyPaths, load, require, run_name
from attnbench.study.paths import repro


def main() -> None:
    """Read the checkpoint and the images of a run, and write its accuracies and the statistics of its gates."""
    params, variant, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    study = load(params)
    require(study, params, variant, seed)
    paths = StudyPaths(study.name)
    device = arithmetic.set_up(study.machine)
    checkpoint = paths.checkpoint(variant, seed)
    fits = refusals.memory_limit(study.machine, "run fewer at once, as with JOBS=1")
    with unchanged(study, paths, "ablate", variant), fits:
        images = prepared.load(paths.prepared)
        network = networks.build(study, variant, images, seed)
        load_weights(network, checkpoint)
        ablation = ablate(network.to(device).to(memory_format=torch.channels_last), images, seed)
    run = records.read(paths.record(variant, seed), records.RunRecord)
    sha256 = files.sha256_of(checkpoint)
    if sha256 != run.checkpoint_sha256 or ablation.accuracy != run.accuracy:
        command = repro(study, [f"train@{run_name(variant, seed)}"], force=True)  # for DVC nothing has changed
        raise errors.UserError(
            f"{checkpoint} (SHA-256 {sha256[:12]}) classifies {ablation.accuracy:.4%} of the test images correctly, "
            f"but {paths.record(variant, seed)} says {run.accuracy:.4%} (SHA-256 {run.checkpoint_sha256[:12]}): the "
            f"weights are those of another run, or this is another class of machine. Train again with: {command}"
        )
    record = records.AblationRecord(
        study=study.name,
        variant=variant,
        seed=seed,
        checkpoint_sha256=sha256,
        **asdict(ablation),
    )
    records.write(paths.ablation(variant, seed), record)


if __name__ == "__main__":
    errors.run_main(main)
