"""Whether what is recorded of a study is current, and which of its seeds are not trained yet: `attnbench status`.

A study grows seed by seed, so seeds that no variant has trained are no fault (docs/decisions/014). Everything else has
to follow from the code, the params.yaml and the files in this folder, weights and images excepted: a clone lacks them.
"""

from dataclasses import dataclass
from pathlib import Path

from attnbench.code.fingerprint import Fingerprints
from attnbench.errors import first_few
from attnbench.records import code_sha256
from attnbench.run.claim import process_that_runs
from attnbench.run.dvc_errors import BusyError
from attnbench.run.project import Project
from attnbench.study import Study, repository
from attnbench.study.paths import StudyPaths, repro, run_name

REMADE = {"latency", "analyse", "report"}  # without weights and images


@dataclass(frozen=True)
class Status:
    """What is recorded of a study."""

    study: Study
    has_run: bool
    lacking: dict[int, list[str]]  # seed -> the variants without a record; only seeds that lack some
    outdated: list[str]  # stages whose results are lost, or were made from something else; in the order of the graph
    in_use: str | None = None  # what has to end before DVC can tell which stages are outdated

    @property
    def untrained(self) -> list[int]:
        """The seeds that no variant has trained."""
        return [seed for seed, variants in self.lacking.items() if len(variants) == len(self.study.variants)]

    @property
    def incomplete(self) -> dict[int, list[str]]:
        """Seed -> the variants without a record, of the seeds that others have trained."""
        return {seed: variants for seed, variants in self.lacking.items() if seed not in self.untrained}

    @property
    def is_current(self) -> bool:
        """Whether nothing that is recorded is outdated, and only whole seeds are missing."""
        return not self.has_run or not (self.outdated or self.incomplete or self.in_use)

    def text(self) -> str:
        """Return one line for a terminal."""
        if not self.has_run:
            return f"{self.study.name}: not run"
        missing = sum(map(len, self.lacking.values()))
        total = len(self.study.seeds) * len(self.study.variants)
        if self.in_use:
            return f"{self.study.name}: in use, {total - missing} of {total} runs have a record; {self.in_use}"
        parts = [
            f"{self.study.name}: {'current' if self.is_current else 'NOT CURRENT'}",
            f"{total - missing} of {total} runs",
        ]
        if self.untrained:
            parts.append(f"not trained: {_seeds(self.untrained)}")
        seeds_of: dict[tuple[str, ...], list[int]] = {}
        for seed, variants in self.incomplete.items():
            seeds_of.setdefault(tuple(variants), []).append(seed)
        for names, seeds in seeds_of.items():
            parts.append(f"{_seeds(seeds)} {'lack' if len(seeds) > 1 else 'lacks'} {first_few(names)}")
        if self.outdated:
            parts.append(f"lost, or older than what they are made from: {first_few(self.outdated)}")
        if not self.is_current:
            parts.append(f"run `{self._remedy()}`")
        return "; ".join(parts)

    def _remedy(self) -> str:
        if not self.incomplete and REMADE.issuperset(self.outdated):
            return repro(self.study, ["code", *self.outdated], alone=True)
        return f"attnbench run {self.study.name} --allow-missing"


def status(name: str | None, folder: Path) -> Status:
    """Return the status of a study; `folder` is any folder of the repository. Nothing is run or written.

    Raises:
        UserError: no such study, an invalid params.yaml, or a DVC project that cannot be read.
    """
    located = repository.locate(name, folder)
    root, study, paths = located.root, located.study, located.paths
    file = located.params.with_name(repository.PIPELINE)
    if not located.lock.exists():
        return Status(study, has_run=False, lacking={}, outdated=[])
    missing_variants = {
        seed: [variant for variant in study.variants if not paths.record(variant, seed).is_file()]
        for seed in study.seeds
    }
    lacking = {seed: variants for seed, variants in missing_variants.items() if variants}
    missing_runs = {run_name(variant, seed) for seed, variants in lacking.items() for variant in variants}
    not_expected = set[str]()  # stages that lack runs to read
    if len(missing_runs) == len(study.runs()):  # only prepared
        not_expected |= {"analyse", "report"}
    without_views = [  # views are those of the first seed
        variant for variant in study.variants if run_name(variant, study.seeds[0]) in missing_runs
    ]
    not_expected |= {f"views@{variant}" for variant in without_views}
    if without_views and not any(paths.view(variant).is_file() for variant in study.variants):
        not_expected.add("report")
    if process := process_that_runs(paths):
        return Status(study, True, lacking, [], in_use=f"process {process} runs it")
    try:
        with Project(root, file.relative_to(root).as_posix(), allow_missing=True) as project:
            stages = project.stages()
    except BusyError as error:
        return Status(study, True, lacking, [], in_use=str(error))
    other_code = _other_code(study, paths)
    outdated = [
        stage.name
        for stage in stages
        if (stage.changed or stage.name in other_code)
        and stage.key not in missing_runs
        and stage.name not in {*not_expected, "code"}
    ]
    return Status(study, True, lacking, outdated)


def _other_code(study: Study, paths: StudyPaths) -> set[str]:
    """Return the stages whose recorded fingerprint is not that of the code and values in this folder.

    This stands in for the stage `code`: a comment makes that one stale and changes no fingerprint.
    """
    stages: set[str] = set()
    for stage, variant, fingerprint in Fingerprints(study).all():
        path = paths.code(stage, variant)
        if not path.is_file() or code_sha256(path) != fingerprint["sha256"]:
            runs = [] if variant is None else [f"{stage}@{run_name(variant, seed)}" for seed in study.seeds]
            stages |= {stage if variant is None else f"{stage}@{variant}", *runs}
    return stages


def _seeds(seeds: list[int]) -> str:
    return f"seed{'s' if len(seeds) > 1 else ''} {', '.join(map(str, seeds))}"
