"""Which stages are still to be run, and in which order."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from attnbench.run.graph import Stage, downstream, upstream
from attnbench.study import Study
from attnbench.study.paths import run_name


class Schedule:
    """The open stages: those that are stale, and those that may become so when what they need has run.

    Seeds go first, so that what an interrupted night leaves are whole blocks: the runs of one seed with all variants,
    then what reads them, then the next seed. Before them goes what training needs, and then what runs alone: it
    measures times, on a machine that has not worked for hours.
    """

    def __init__(self, study: Study, stages: Sequence[Stage]) -> None:
        self._stages = sorted(stages, key=_Order(study, stages))
        stale = {stage.name for stage in stages if stage.stale}
        self._open = stale | downstream(stages, stale)
        self._started: set[str] = set()
        self._seeds = {run_name(variant, seed): seed for variant, seed in study.runs()}
        self.failed: list[str] = []

    @property
    def waiting(self) -> list[Stage]:
        """The open stages that have not started and not failed, in their order."""
        taken = self._started.union(self.failed)
        return [stage for stage in self._stages if stage.name in self._open and stage.name not in taken]

    @property
    def ready(self) -> list[Stage]:
        """Those of them whose inputs are up to date."""
        return [stage for stage in self.waiting if self._open.isdisjoint(stage.needs)]

    @property
    def skipped(self) -> list[Stage]:
        """Those that need a stage that failed."""
        blocked = downstream(self._stages, self.failed)
        return [stage for stage in self.waiting if stage.name in blocked]

    @property
    def closed(self) -> list[Stage]:
        """The stages that are up to date."""
        return [stage for stage in self._stages if stage.name not in self._open]

    @property
    def finished_seeds(self) -> list[int]:
        """The seeds of which every run is up to date, with all that is made of it alone."""
        of_runs = [stage for stage in self._stages if stage.key in self._seeds]
        unfinished = {self._seeds[stage.key] for stage in of_runs if stage.name in self._open}
        return sorted({self._seeds[stage.key] for stage in of_runs} - unfinished)

    @property
    def only_runs_failed(self) -> bool:
        """Whether every stage that failed is one of a run, so that other seeds can do without it."""
        return all(stage.key in self._seeds for stage in self._stages if stage.name in self.failed)

    def start(self, name: str) -> None:
        """Mark a stage as started."""
        self._started.add(name)

    def put_back(self, name: str) -> None:
        """Let a stage that had started start again."""
        self._started.discard(name)

    def close(self, name: str) -> None:
        """Mark a stage as up to date: it has run and is recorded, or need not run."""
        self._open.discard(name)

    def reopen(self, names: Iterable[str]) -> None:
        """Let stages that were up to date run, since others need what they write."""
        self._open.update(names)
        self._started.difference_update(names)

    def fail(self, name: str) -> None:
        """Mark a stage as failed; it stays open, so what needs it never becomes ready."""
        self.failed.append(name)


class _Order:
    """The key by which stages are sorted."""

    def __init__(self, study: Study, stages: Sequence[Stage]) -> None:
        runs = [run_name(variant, seed) for seed in study.seeds for variant in study.variants]
        self._seed = {run: number // len(study.variants) for number, run in enumerate(runs)}
        self._run = {run: number for number, run in enumerate(runs)}
        self._preparing = upstream(stages, [stage.name for stage in stages if stage.kind == "train"])

    def __call__(self, stage: Stage) -> tuple[int, int, int]:
        if stage.name in self._preparing:
            return -1, 0, 0
        if stage.alone:
            return -1, 1, 0
        if stage.key in self._run:
            return self._seed[stage.key], int(stage.kind != "train"), self._run[stage.key]
        return len(self._run), 0, 0


def share(
    study: Study, stages: Sequence[Stage], seeds: Collection[int], absent: Mapping[str, Sequence[Collection[str]]]
) -> list[Stage]:
    """Return the stages without the runs of other seeds, and without what cannot be made since these are absent.

    `absent` has the stages that write each absent file or folder, by the name of the stage that reads it.
    """
    others = {run_name(variant, seed) for variant, seed in study.runs() if seed not in seeds}
    left_out = {stage.name for stage in stages if stage.key in others}
    while more := {name for name in absent if any(one and left_out.issuperset(one) for one in absent[name])} - left_out:
        left_out |= more
    return [replace(stage, needs=stage.needs - left_out) for stage in stages if stage.name not in left_out]
