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
    files = _in_folders(root)
    if name not in files:
        files = files_of(root)
    if name not in files:
        names = list(files)
        raise UserError(f"no study {name!r}; there are {listed(names)}{did_you_mean(name, names)}")
    return files[name]


def files_of(root: Path) -> dict[str, Path]:
    """Return the params.yaml of every study by its name, the root study first.

    Raises:
        UserError: the params.yaml at the root cannot be read.
    """
    return {str(read(root / PARAMS)[0].get("name")): root / PARAMS, **_in_folders(root)}


def _in_folders(root: Path) -> dict[str, Path]:
    return {path.parent.name: path for path in sorted((root / "studies").glob(f"*/{PARAMS}"))}
