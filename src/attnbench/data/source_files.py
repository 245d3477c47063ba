"""Whether the files that a study's images come from are there, before any of them is read.

Nothing here imports torch, so that `attnbench run` can ask before DVC starts the stage `data`.
"""

from pathlib import Path

from attnbench.data import archives, experiments
from attnbench.errors import UserError, system_reason
from attnbench.study.schema import Cifar10Data, Data, FolderData

LAYOUT = "train/<class>/<image> and test/<class>/<image>"
CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"


def check(data: Data, root: Path) -> None:
    """Check that the files of a study's images exist; paths in `data` are relative to `root`, the repository.

    Raises:
        UserError: they do not; the text says what to put where.
    """
    match data:
        case FolderData():
            folder(data, root)
        case Cifar10Data(archive=str(name)):
            cifar10_archive(name, root)


def folder(data: FolderData, root: Path) -> Path:
    """Return the folder or archive of a user's images.

    Raises:
        UserError: it does not exist, or it is a pipe or a device.
    """
    path = experiments.find(root, Path(data.path))
    if not _exists("path", path):
        raise UserError(
            f"data: path: {data.path!r} does not exist ({path.absolute()}).{experiments.hint(root)} Put the images "
            f"there as {LAYOUT}, in a folder or an archive ({', '.join(archives.SUFFIXES)}), or give another path in "
            f"params.yaml. Expected images: {data.title}. {data.provenance}"
        )
    archives.check_regular(path)
    return path


def cifar10_archive(name: str, root: Path) -> Path:
    """Return the local archive of CIFAR-10 that params.yaml names.

    Raises:
        UserError: it is not a file.
    """
    path = experiments.find(root, Path(name))
    if not _exists("archive", path) or not path.is_file():
        raise UserError(
            f"data: archive: {name!r} does not exist ({path.absolute()}).{experiments.hint(root)} Put a copy of "
            f"{CIFAR10_URL} there, or remove the key to have it downloaded"
        )
    return path


def _exists(key: str, path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:  # too long, or in a folder that may not be read
        raise UserError(f"data: {key}: {path} cannot be read: {system_reason(error)}") from None
    return True
