"""Finding the repository, and loading a study of it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from attnbench import machine
from attnbench.errors import UserError
from attnbench.study.loading import load, require
from attnbench.study.named_studies import params_of
from attnbench.study.paths import StudyPaths, relative_to_cwd
from attnbench.study.schema import Study

PIPELINE = "dvc.yaml"
LOCK = "dvc.lock"


def root_of(folder: Path) -> Path:
    """Return the nearest folder, from `folder` upwards, that contains a DVC project with a study.

    Raises:
        UserError: there is none.
    """
    for candidate in (folder.resolve(), *folder.resolve().parents):
        if (candidate / ".dvc").is_dir() and (candidate / PIPELINE).is_file():
            return candidate
    raise UserError(
        f"{folder.resolve()} is not in a repository with a {PIPELINE} and a .dvc folder; change to yours and try again"
    )


@dataclass(frozen=True)
class LocatedStudy:
    """A study with its params.yaml and its repository."""

    root: Path  # of the repository
    params: Path
    study: Study

    @property
    def paths(self) -> StudyPaths:
        """Where the files of the study are in the repository."""
        return StudyPaths(self.study.name, self.root)

    @property
    def lock(self) -> Path:
        """The dvc.lock of the study, which may not exist yet."""
        return self.params.with_name(LOCK)

    @property
    def workers(self) -> int:
        """How many runs to train in parallel: one on each accelerator, else as many as the cores allow."""
        if self.study.machine.device_type == "cuda":
            return max(1, len(machine.cards())) if self.study.machine.device == "cuda" else 1
        return max(1, machine.cores() // self.study.machine.threads)

    def require_seeds(self, seeds: Collection[int]) -> None:
        """Check that the study has these seeds.

        Raises:
            UserError: it lacks some.
        """
        if unknown := sorted(set(seeds).difference(self.study.seeds)):
            raise UserError(
                f"--seeds: given {', '.join(map(str, unknown))}; {self.params.relative_to(self.root)} has the seeds "
                f"{', '.join(map(str, self.study.seeds))}. Name some of these, or add to them there"
            )


def locate(name: str | None, folder: Path) -> LocatedStudy:
    """Load a study of the repository that contains `folder`; without a name, the root study.

    Raises:
        UserError: there is no repository, no such study, or its params.yaml is invalid.
    """
    root = root_of(folder)
    params = params_of(root, name)
    return LocatedStudy(root, params, load(relative_to_cwd(params)))


def locate_run(folder: Path) -> tuple[LocatedStudy, str, int]:
    """Load the study of a run from its folder `runs/<study>/<variant>-<seed>`; return it with variant and seed.

    Raises:
        UserError: the folder has another name, or the study has no such variant or seed, or as for `locate`.
    """
    root = root_of(folder)
    shown, folder = relative_to_cwd(folder), folder.resolve()
    variant, _, seed = folder.name.rpartition("-")
    if folder.parent.parent != root / "runs" or not variant or not seed.isdecimal():
        raise UserError(f"{shown} is no run; give a folder `runs/STUDY/VARIANT-SEED`, such as runs/quickstart/cbam-0")
    located = locate(folder.parent.name, root)
    require(located.study, relative_to_cwd(located.params), variant, int(seed))
    return located, variant, int(seed)
