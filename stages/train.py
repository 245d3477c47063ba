"""Stage `train@variant-seed`: train a variant from a seed. Usage: python stages/train.py params.yaml VARIANT SEED"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors, networks
from attnbench.code.unchanged import unchanged
from attnbench.networks import arithmetic, refusals
from attnbench.records import prepared
from attnbench.records.states import release_recorded
from attnbench.study import Study, StudyPaths, load, repository, require, run_name
from attnbench.train import outputs
from attnbench.train.console import console
from attnbench.train.observers import Observer
from attnbench.train.tensorboard import TensorBoard
from attnbench.train.unfinished import Unfinished, claimed
from attnbench.train.variant import train_variant

_LESS_MEMORY = (
    "run fewer at once, as with JOBS=1: this run resumes after its last completed epoch. If one alone is too large, "
    "write a smaller `recipe: batch_size` (now {}), which makes it another run"
)


def main() -> None:
    """Read the prepared images, train or resume, and write the results of the run; remove states of earlier runs."""
    params, variant, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    study = load(params)
    require(study, params, variant, seed)
    paths = StudyPaths(study.name)
    release_recorded(paths, params.with_name(repository.LOCK))
    device = arithmetic.set_up(study.machine)
    with claimed(paths.unfinished(variant, seed)):
        images = prepared.load(paths.prepared)
        networks.build(study, variant, images, seed)  # imports the variant's modules before they are hashed
        with unchanged(study, paths, "train", variant) as code:
            identity = outputs.identity(study, variant, data_sha256=images.sha256(), code_sha256=code)
            unfinished = Unfinished(paths.unfinished(variant, seed), run_name(variant, seed), identity)
            watching = observers(study, variant, seed, images=len(images.train_index))
            with refusals.memory_limit(study.machine, _LESS_MEMORY.format(study.recipe.batch_size)):
                outcome = train_variant(study, variant, seed, images, device, watching, unfinished)
        finished = outputs.write(paths, study, variant, seed, outcome, identity)
        outputs.write_records(paths, unfinished.complete(finished))  # the state stays until DVC has recorded the run


def observers(study: Study, variant: str, seed: int, *, images: int) -> list[Observer]:
    """Return the observers of the run: the console, and TensorBoard if params.yaml asks for it."""
    steps_per_epoch = -(-images // study.recipe.batch_size)
    active = [console(study.recipe.epochs, steps_per_epoch)]
    if study.tensorboard:
        active.append(TensorBoard(Path("tensorboard") / study.name / run_name(variant, seed)))
    return active


if __name__ == "__main__":
    errors.run_main(main)
