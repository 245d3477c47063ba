"""One process of the benchmark: `python -m attnbench.tools.bench.worker`.

The first line of its input says what it is; it answers with a line when it is ready, then with one for each turn that
a line asks for, and ends where its input ends.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import torch

from attnbench import errors, machine
from attnbench.study.schema import Machine
from attnbench.tools.bench import contenders
from attnbench.tools.bench.settings import Task


def main() -> None:
    """Take turns as asked."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer

    def answer(**values: Any) -> None:
        answers.write(f"{json.dumps(values)}\n")
        answers.flush()

    task = Task.model_validate_json(sys.stdin.readline())
    prepare = {"loop": contenders.loops, "engine": contenders.engines}[task.kind]
    asked = task.settings.study.machine
    turns = prepare(task.settings, task.settings.study.seeds[0] + task.number)
    answer(processor=_processor(asked), threads=torch.get_num_threads(), torch=str(torch.__version__))
    for line in sys.stdin:
        seconds, images = timed(turns[line.rstrip("\n")], asked)
        answer(seconds=seconds, images=images)


def timed(turn: Callable[[], int], asked: Machine) -> tuple[float, int]:
    """Return the seconds that a turn takes until the device has done all of it, and its images."""
    _finish(asked)
    start = time.perf_counter()
    images = turn()
    _finish(asked)
    return time.perf_counter() - start, images


def _finish(asked: Machine) -> None:
    if asked.device == "cuda":
        torch.cuda.synchronize()


def _processor(asked: Machine) -> str:
    return torch.cuda.get_device_name() if asked.device == "cuda" else machine.processor()


if __name__ == "__main__":
    errors.run_main(main)
