"""Finding the repository and the params.yaml of a study."""

from dataclasses import dataclass
from pathlib import Path

from attnbench import machine
from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study.document import read
from attnbench.study.loading import load
from attnbench.study.paths import relative_to_cwd
from attnbench.study.schema import Study

PIPELINE = "dvc.yaml"
PARAMS = "params.yaml"
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


def params_of(root: Path, name: str | None) -> Path:
    """Return the params.yaml of a study; without a name, of the root study.

    Raises:
        UserError: there is no such study.
    """
    if name is None:
        return root / PARAMS
    studies = _studies(root)
    if name in studies:
        return root / "studies" / name / PARAMS
    names = [_root_study(root), *studies]
    if name == names[0]:
        return root / PARAMS
    raise UserError(f"no study {name!r}; there are {listed(names)}{did_you_mean(name, names)}")


def names_of(root: Path) -> list[str]:
    """Return the names of all studies, the root study first.

    Raises:
        UserError: the params.yaml at the root cannot be read.
    """
    return [_root_study(root), *_studies(root)]


def _root_study(root: Path) -> str:
    return str(read(root / PARAMS)[0].get("name"))


def _studies(root: Path) -> list[str]:
    return sorted(path.parent.name for path in (root / "studies").glob(f"*/{PARAMS}"))


@dataclass(frozen=True)
class LocatedStudy:
    """A study with its params.yaml and its repository."""

    root: Path  # of the repository
    params: Path
    study: Study

    @property
    def workers(self) -> int:
        """How many runs to train in parallel: one on each accelerator, else as many as the cores allow."""
        if self.study.machine.device_type == "cuda":
            return max(1, len(machine.cards())) if self.study.machine.device == "cuda" else 1
        return max(1, machine.cores() // self.study.machine.threads)


def locate(name: str | None, folder: Path) -> LocatedStudy:
    """Load a study of the repository that contains `folder`; without a name, the root study.

    Raises:
        UserError: there is no repository, no such study, or its params.yaml is invalid.
    """
    root = root_of(folder)
    params = params_of(root, name)
    return LocatedStudy(root, params, load(relative_to_cwd(params)))
