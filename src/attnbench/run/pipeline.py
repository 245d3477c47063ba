"""The dvc.yaml of a study: a copy of the one at the root.

It is a copy, not a symlink: DVC reads other revisions through git, where a symlink is a text file.
"""

from pathlib import Path

from attnbench.records import files
from attnbench.study.repository import LOCK, PIPELINE


def write_copy(root: Path, params: Path) -> str:
    """Make the dvc.yaml next to a params.yaml equal to the one at the root; return its path from the root."""
    file = params.with_name(PIPELINE)
    original = (root / PIPELINE).read_bytes()
    if file.parent != root and (file.is_symlink() or not file.exists() or file.read_bytes() != original):
        with files.replacing(file) as temporary:
            temporary.write_bytes(original)
    return file.relative_to(root).as_posix()


def remove_copy(root: Path, file: str) -> None:
    """Remove a copy and what DVC recorded for it: DVC complains about a pipeline without results."""
    (root / file).with_name(LOCK).unlink(missing_ok=True)
    (root / file).unlink()
