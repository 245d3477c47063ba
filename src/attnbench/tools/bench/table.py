"""Results as text for a terminal."""

import pandas as pd

from attnbench.tools.bench.results import Result, Spread
from attnbench.tools.bench.settings import LOOP_0, LOOP_2, LOOP_BATCH_SIZE


def text(result: Result) -> str:
    """Return the circumstances and the three tables."""
    return "\n".join([*_header(result), "", *_speeds(result), "", *_steps(result), "", *_augmentation(result), ""])


def _header(result: Result) -> list[str]:
    around, settings = result.surroundings, result.settings
    machine, recipe = settings.study.machine, settings.study.recipe
    return [
        f"processor     {around.processor}, {around.cores} cores, load average {around.load_average:.2f} at the start",
        f"torch         {around.torch}, device {machine.device}",
        f"loop          1 process, {around.loop_threads} threads, batch {LOOP_BATCH_SIZE}, float32",
        f"engine, step  {settings.processes} processes, {machine.threads} threads each, batch {recipe.batch_size}, "
        f"{machine.precision}",
        f"rounds        {settings.rounds} and one that warms up; {settings.images} images a turn and process; "
        f"augmentation {', '.join(recipe.augmentation)}",
        "numbers       median [least, most] over the rounds; ratios and shares are taken within a round",
    ]


def _speeds(result: Result) -> list[str]:
    rows = [
        [
            row.variant,
            row.contender,
            _cell(row.images_per_second, 0),
            _cell(row.to_loop_0, 2),
            _cell(row.to_loop_2, 2),
            _cell(row.of_bare_step, 1, scale=100),
        ]
        for row in result.speeds()
    ]
    return _table(["variant", "", "images/s", f"to {LOOP_0}", f"to {LOOP_2}", "of the bare step, %"], rows)


def _steps(result: Result) -> list[str]:
    rows = [[row.variant, _cell(row.ratio, 3)] for row in result.steps()]
    return _table(["variant", f"time of a bare step, {result.settings.variants[0]} = 1"], rows)


def _augmentation(result: Result) -> list[str]:
    rows = [
        [row.variant, _cell(row.milliseconds, 2), _cell(row.of_bare_step, 1, scale=100)]
        for row in result.augmentation()
    ]
    return _table(["variant", "augmentation, ms a batch", "of a bare step, %, one process"], rows)


def _cell(spread: Spread, digits: int, *, scale: float = 1) -> str:
    middle, low, high = (f"{value * scale:.{digits}f}" for value in (spread.median, spread.low, spread.high))
    return f"{middle} [{low}, {high}]"


def _table(columns: list[str], rows: list[list[str]]) -> list[str]:
    words = sum(not cell[0].isdigit() for cell in rows[0])
    sides = ["left"] * words + ["right"] * (len(columns) - words)
    frame = pd.DataFrame(rows, columns=columns)
    found: str = frame.to_markdown(index=False, tablefmt="simple", disable_numparse=True, colalign=sides)
    return found.splitlines()
