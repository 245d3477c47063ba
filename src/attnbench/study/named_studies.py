"""Which studies a repository has, and where the params.yaml of each is."""

from pathlib import Path

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study.document import read

PARAMS = "params.yaml"


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
