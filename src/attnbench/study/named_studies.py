"""Which studies a repository has, and where the params.yaml of each is."""

from collections.abc import Collection
from pathlib import Path

from attnbench.errors import UserError, did_you_mean, listed
from attnbench.study.document import read

PARAMS = "params.yaml"


def params_of(root: Path, name: str | None) -> Path:
    """Return the params.yaml of a study; without a name, of the root study.

    Raises:
        UserError: there is no such study, or two have this name.
    """
    files = _in_folders(root)
    _refuse_twin(_root_name(root), files)
    if name is None:
        return root / PARAMS
    if name not in files:
        files = files_of(root)
    if name not in files:
        names = list(files)
        raise UserError(f"no study {name!r}; there are {listed(names)}{did_you_mean(name, names)}")
    return files[name]


def files_of(root: Path) -> dict[str, Path]:
    """Return the params.yaml of every study by its name, the root study first.

    Raises:
        UserError: the params.yaml at the root cannot be read, or a folder of studies/ has the name of its study.
    """
    name, others = str(read(root / PARAMS)[0].get("name")), _in_folders(root)
    _refuse_twin(name, others)
    return {name: root / PARAMS, **others}


def _refuse_twin(name: str | None, others: Collection[str]) -> None:
    if name in others:
        raise UserError(
            f"studies/{name} has the name of the study at the root, and each would overwrite the results of the other; "
            "rename the folder, and `name` and `params` in its params.yaml"
        )


def _root_name(root: Path) -> str | None:
    """Return the name of the study at the root; None if its params.yaml cannot be read, which concerns no other."""
    try:
        return str(read(root / PARAMS)[0].get("name"))
    except UserError:
        return None


def _in_folders(root: Path) -> dict[str, Path]:
    return {path.parent.name: path for path in sorted((root / "studies").glob(f"*/{PARAMS}"))}
