"""The paths of a study's files, relative to the repository root, and the names of its stages, as in dvc.yaml."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from attnbench.study.schema import Study


def relative_to_cwd(path: Path) -> Path:
    """Return a path as one would type it in the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def run_name(variant: str, seed: int) -> str:
    """Return the name of one training run, as in `train@<name>`."""
    return f"{variant}-{seed}"


def pipeline_target(study: Study) -> str:
    """Return the path of a study's dvc.yaml, as `dvc repro` takes it; empty for the root study, which needs none."""
    folder = PurePosixPath(study.params).parent
    return "" if folder == PurePosixPath() else str(folder / "dvc.yaml")


def repro(study: Study, stages: list[str], *, force: bool = False, alone: bool = False) -> str:
    """Return the command that runs these stages of a study; only the root study needs no path to its dvc.yaml.

    With `alone` no other stage runs. With `force` neither, and these run although nothing has changed.
    """
    target = pipeline_target(study)
    prefix = f"{target}:" if target else ""
    options = "-f -s " if force else "-s " if alone else ""
    return f"dvc repro {options}{' '.join(prefix + stage for stage in stages)}"


@dataclass(frozen=True)
class StudyPaths:
    """The files of the study `name`. Git tracks everything in `results` and `reports`."""

    name: str
    root: Path = Path()

    @property
    def prepared(self) -> Path:
        """Images, labels and split, as written by the data stage."""
        return self.root / "data" / f"{self.name}.safetensors"

    @property
    def results(self) -> Path:
        return self.root / "results" / self.name

    @property
    def report(self) -> Path:
        return self.root / "reports" / self.name

    @property
    def data_summary(self) -> Path:
        return self.results / "data.json"

    @property
    def code_listing(self) -> Path:
        """Hashes of all source files that the stages run; for people, no stage reads it."""
        return self.results / "code" / "files.json"

    @property
    def runs(self) -> Path:
        return self.results / "runs"

    @property
    def curves(self) -> Path:
        return self.results / "curves"

    @property
    def timings(self) -> Path:
        return self.results / "timing"

    @property
    def costs(self) -> Path:
        return self.results / "cost"

    @property
    def latency(self) -> Path:
        return self.results / "latency.json"

    @property
    def views(self) -> Path:
        return self.results / "views"

    @property
    def ablations(self) -> Path:
        return self.results / "ablation"

    @property
    def robustness(self) -> Path:
        return self.results / "robustness"

    @property
    def maps(self) -> Path:
        return self.results / "maps"

    @property
    def summary(self) -> Path:
        return self.report / "summary.json"

    @property
    def tables(self) -> Path:
        return self.report / "tables"

    @property
    def figures(self) -> Path:
        return self.report / "figures"

    def code(self, stage: str, variant: str | None = None) -> Path:
        """Fingerprint of the code that a stage runs; the stages of `VARIANT_STAGES` have one for each variant."""
        folder = self.results / "code"
        return folder / f"{stage}.json" if variant is None else folder / stage / f"{variant}.json"

    def checkpoint(self, variant: str, seed: int) -> Path:
        return self.root / "runs" / self.name / run_name(variant, seed) / "checkpoint.safetensors"

    def predictions(self, variant: str, seed: int) -> Path:
        return self.root / "runs" / self.name / run_name(variant, seed) / "predictions.safetensors"

    def unfinished(self, variant: str, seed: int) -> Path:
        """The state of an unfinished run. Not a DVC output, since DVC removes outputs before a run."""
        return self.states / f"{run_name(variant, seed)}.safetensors"

    @property
    def states(self) -> Path:
        """The states of unfinished runs, and of finished ones that DVC has not recorded."""
        return self.root / "work" / self.name / "unfinished"

    @property
    def lock_entries(self) -> Path:
        """What dvc.lock said about each run when its state was removed."""
        return self.root / "work" / self.name / "recorded"

    def lock_entry(self, run: str) -> Path:
        return self.lock_entries / f"{run}.json"

    def outputs(self, variant: str, seed: int) -> tuple[Path, ...]:
        """All files that a run writes."""
        paths = (
            self.record,
            self.timing,
            self.correct,
            self.epochs,
            self.iterations,
            self.checkpoint,
            self.predictions,
        )
        return tuple(path(variant, seed) for path in paths)

    def record(self, variant: str, seed: int) -> Path:
        return self.runs / f"{run_name(variant, seed)}.json"

    def correct(self, variant: str, seed: int) -> Path:
        """Which test images the run classified correctly, one bit each."""
        return self.results / "correct" / f"{run_name(variant, seed)}.bits"

    def epochs(self, variant: str, seed: int) -> Path:
        return self.curves / run_name(variant, seed) / "epochs.csv"

    def iterations(self, variant: str, seed: int) -> Path:
        return self.curves / run_name(variant, seed) / "iterations.csv"

    def timing(self, variant: str, seed: int) -> Path:
        return self.timings / f"{run_name(variant, seed)}.json"

    @property
    def ready(self) -> Path:
        """Written once every variant is built, probed and counted; nothing is trained before."""
        return self.results / "ready.json"

    def cost(self, variant: str) -> Path:
        return self.costs / f"{variant}.json"

    def ablation(self, variant: str, seed: int) -> Path:
        return self.ablations / f"{run_name(variant, seed)}.json"

    def robust(self, variant: str, seed: int) -> Path:
        """Accuracy of a run on corrupted test images, and its calibration."""
        return self.robustness / f"{run_name(variant, seed)}.json"

    def map_scores(self, variant: str, seed: int) -> Path:
        """Scores of the maps of a run."""
        return self.maps / f"{run_name(variant, seed)}.json"

    def view(self, variant: str) -> Path:
        return self.views / f"{variant}.safetensors"
