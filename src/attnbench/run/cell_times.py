"""When cells started and how long they took: what a run shows of its progress."""

import time
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary
from attnbench.run.graph import Stage
from attnbench.run.view import CellProgress, Progress, last_epoch, seconds_left
from attnbench.study.paths import StudyPaths


class CellTimes:
    """The times of the cells of one study."""

    def __init__(self, paths: StudyPaths) -> None:
        self._paths = paths
        self._began: dict[str, float] = {}
        self._took: dict[str, list[float]] = {}  # kind -> seconds of each cell

    def start(self, name: str) -> None:
        """Note when a cell starts."""
        self._began[name] = time.monotonic()

    def end(self, kind: str, seconds: float) -> None:
        """Note how long a cell of a kind took that has succeeded."""
        self._took.setdefault(kind, []).append(seconds)

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
            cells.append((stage.kind, CellProgress(stage.name, now - self._began[stage.name], epoch, images)))
        left = seconds_left([stage.kind for stage in waiting], cells, self._took, workers, trainings)
        return Progress(done, done + len(waiting) + len(running), left, [cell for _, cell in cells])

    @cached_property
    def _training_images(self) -> int | None:
        try:
            return records.read(self._paths.data_summary, DataSummary).train
        except UserError:  # only for the speed that is shown
            return None
