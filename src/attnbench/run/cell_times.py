"""When cells started and how long they took: what a run shows of its progress."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from statistics import fmean

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary
from attnbench.run.graph import Stage
from attnbench.run.view import CellProgress, Progress, last_epoch
from attnbench.study import Study
from attnbench.study.paths import StudyPaths, run_name

Work = tuple[str, str]  # the kind of a stage, and the variant that it is about, or nothing


class CellTimes:
    """The times of the cells of one study."""

    def __init__(self, study: Study, paths: StudyPaths) -> None:
        self._paths = paths
        self._variants = {run_name(variant, seed): variant for variant, seed in study.runs()}
        self._began: dict[str, float] = {}
        self._took: dict[Work, list[float]] = {}  # seconds of each cell

    def start(self, name: str) -> None:
        """Note when a cell starts."""
        self._began[name] = time.monotonic()

    def end(self, stage: Stage, seconds: float) -> None:
        """Note how long a cell took that has succeeded."""
        self._took.setdefault(self._work(stage), []).append(seconds)

    def progress(
        self,
        running: Sequence[Stage],
        waiting: Sequence[Stage],
        done: int,
        workers: int,
        trainings: int,
        log: Callable[[str], Path],
    ) -> Progress:
        """Return the progress of a run of which `done` cells have ended.

        `workers` may run at once, of which `trainings` may train; `log` is that of a cell.
        """
        now = time.monotonic()
        cells = []
        for stage in running:
            epoch = last_epoch(log(stage.name)) if stage.kind == "train" else None
            images = None if epoch is None else self._training_images
            cells.append((self._work(stage), CellProgress(stage.name, now - self._began[stage.name], epoch, images)))
        left = seconds_left(list(map(self._work, waiting)), cells, self._took, workers, trainings)
        return Progress(done, done + len(waiting) + len(running), left, [cell for _, cell in cells])

    def _work(self, stage: Stage) -> Work:
        return stage.kind, self._variants.get(stage.key, stage.key)

    @cached_property
    def _training_images(self) -> int | None:
        try:
            return records.read(self._paths.data_summary, DataSummary).train
        except UserError:  # only for the speed that is shown
            return None


def seconds_left(
    waiting: Sequence[Work],
    running: Sequence[tuple[Work, CellProgress]],
    took: Mapping[Work, Sequence[float]],
    workers: int,
    trainings: int,
) -> float | None:
    """Estimate how long a run still takes, from the cells that wait and run, and how long others took.

    A cell takes as long as others of its kind and variant, or, before one of them has ended, as long as a variant does
    on average. `workers` cells run at once, of which `trainings` train. No cell is divided among workers, so the run
    takes no less time than its longest cell. None before anything is known about the kind that takes longest, which is
    training.
    """
    means = {work: fmean(seconds) for work, seconds in took.items()}
    for work, cell in running:
        if work not in means and cell.epoch is not None:
            means[work] = cell.seconds * cell.epoch.epochs / cell.epoch.number
    of_kinds: dict[str, list[float]] = {}
    for (kind, _), seconds in means.items():
        of_kinds.setdefault(kind, []).append(seconds)
    if "train" not in of_kinds and any(kind == "train" for kind, _ in [*waiting, *(work for work, _ in running)]):
        return None
    averages = {kind: fmean(seconds) for kind, seconds in of_kinds.items()}

    def expected(work: Work) -> float:
        return means.get(work, averages.get(work[0], 0.0))

    left = [(work[0], expected(work)) for work in waiting]
    left += [(work[0], max(0.0, expected(work) - cell.seconds)) for work, cell in running]
    training = sum(seconds for kind, seconds in left if kind == "train")
    longest = max((seconds for _, seconds in left), default=0.0)
    return max(sum(seconds for _, seconds in left) / workers, training / trainings, longest)
