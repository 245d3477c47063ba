"""Where the repository and its studies are."""

import os
from dataclasses import dataclass
from pathlib import Path

from attnbench import machine
from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study.document import read
from attnbench.study.loading import load
from attnbench.study.paths import shown
from attnbench.study.schema import Study

PIPELINE = "dvc.yaml"
PARAMS = "params.yaml"
LOCK = "dvc.lock"


def repository(here: Path) -> Path:
    """Return the nearest folder, from `here` upwards, that holds a DVC project with a study."""
    for folder in (here.resolve(), *here.resolve().parents):
        if (folder / ".dvc").is_dir() and (folder / PIPELINE).is_file():
            return folder
    raise UserError(
        f"{here.resolve()} is in no repository with a {PIPELINE} and a .dvc folder; go to yours and try again"
    )


def params_of(root: Path, name: str | None) -> Path:
    """Return the params.yaml of a study; without a name, of the one at the root."""
    if name is None:
        return root / PARAMS
    studies = sorted(path.parent.name for path in (root / "studies").glob(f"*/{PARAMS}"))
    if name in studies:
        return root / "studies" / name / PARAMS
    at_root = read(root / PARAMS)[0].get("name")
    if name == at_root:
        return root / PARAMS
    known = [str(at_root), *studies]
    raise UserError(f"no study {name!r}; there are {listed(known)}{did_you_mean(name, known)}")


@dataclass(frozen=True)
class Place:
    """A study, where its params.yaml is, and the repository around it."""

    root: Path
    params: Path
    study: Study

    @property
    def workers(self) -> int:
        """How many runs go side by side: one on an accelerator, else as many as the cores carry with their threads."""
        if self.study.machine.device == "cuda":
            return 1
        return max(1, machine.cores() // self.study.machine.threads)


def of(name: str | None, here: Path) -> Place:
    """Return the place of a study; without a name, of the one at the root. `here` is any folder of the repository.

    Raises:
        UserError: no repository, no such study, or a wrong params.yaml.
    """
    root = repository(here)
    params = params_of(root, name)
    return Place(root, params, load(shown(params)))


def pipeline_file(root: Path, params: Path) -> str:
    """Return the study's dvc.yaml as a path from the root; a study's first run lays its link to the one definition."""
    file = params.with_name(PIPELINE)
    if file.parent != root:
        target = os.path.relpath(root / PIPELINE, file.parent)
        if not file.is_symlink() and not file.exists():
            file.symlink_to(target)
        if not file.is_symlink() or file.resolve() != root / PIPELINE:
            raise UserError(f"{shown(file)} is not a link to {target}; remove it, and the next run lays the link")
    return file.relative_to(root).as_posix()


def take_back(root: Path, file: str) -> None:
    """Remove a study's link and lock, and leave the one definition at the root alone."""
    link = root / file
    if link.is_symlink():
        link.with_name(LOCK).unlink(missing_ok=True)
        link.unlink()
