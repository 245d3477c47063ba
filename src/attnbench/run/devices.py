"""Which accelerator a parallel job uses.

With `machine: device: cuda` jobs spread over all cards: each sees one alone, which torch calls `cuda`. `device: cuda:1`
keeps all jobs on that card.
"""

import os
import subprocess
import sys
from pathlib import Path

from attnbench import machine
from attnbench.errors import UserError

Environment = dict[str, str]  # variables that a job gets besides those of this process


# in a process of its own: it imports torch, which this one does without
_REFUSAL = """
import sys
from pathlib import Path
from attnbench import errors, study
from attnbench.networks.refusals import refuse_missing
errors.run_main(lambda: refuse_missing(study.load(Path(sys.argv[1])).machine))
"""


def refuse_missing(params: Path) -> None:
    """Refuse a card that torch does not find.

    Raises:
        UserError: there is no card, or not the one that this params.yaml names.
    """
    done = subprocess.run(
        [sys.executable, "-c", _REFUSAL, str(params)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        *_, last = done.stderr.strip().splitlines() or ["torch cannot be asked for a card"]
        raise UserError(last.removeprefix("error: "))


def environments(device: str, workers: int) -> list[Environment]:
    """Return the environment of each of `workers` jobs that run at once, on a `machine: device` of params.yaml."""
    cards = machine.cards() if device == "cuda" else []
    if not cards:
        return [{} for _ in range(workers)]
    return [{"CUDA_VISIBLE_DEVICES": cards[number % len(cards)]} for number in range(workers)]
