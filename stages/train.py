"""Train one variant from one seed: `python stages/train.py params.yaml cbam 0`."""

import json
import sys
from pathlib import Path

from attnbench import errors, study
from attnbench.config.schema import Study
from attnbench.data import prepared
from attnbench.observers import Observer
from attnbench.observers.console import console
from attnbench.observers.tensorboard import TensorBoard
from attnbench.paths import StudyPaths, run_name
from attnbench.training import arithmetic, outputs
from attnbench.training.run import run
from attnbench.training.unfinished import Unfinished, claimed


def main() -> None:
    """Read the prepared images, train or go on where a stopped run was, write what the run leaves."""
    params, variant, seed = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    config = study.load(params)
    study.require(config, params, variant, seed)
    paths = StudyPaths(config.study)
    arithmetic.set_up(config.machine)  # before any other use of torch, and before anything is waited for
    with claimed(paths.unfinished(variant, seed)):
        data = prepared.load(paths.prepared)
        code = json.loads(paths.code("train", variant).read_text())["sha256"]
        identity = outputs.identity(config, variant, data_sha256=data.sha256(), code_sha256=code)
        unfinished = Unfinished(paths.unfinished(variant, seed), run_name(variant, seed), identity)
        watching = observers(config, variant, seed, len(data.train_index))
        outcome = run(config, variant, seed, data, watching, unfinished)
        outputs.write(paths, config, variant, seed, outcome, identity)
        unfinished.discard()


def observers(config: Study, variant: str, seed: int, images: int) -> list[Observer]:
    """Return those who watch the run: the console, and TensorBoard where params.yaml asks for it."""
    watching = [console(config.recipe.epochs, -(-images // config.recipe.batch_size))]
    if config.tensorboard:
        watching.append(TensorBoard(Path("tensorboard") / config.study / run_name(variant, seed)))
    return watching


if __name__ == "__main__":
    errors.run_main(main)
