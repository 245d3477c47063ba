"""Git-ignored files in a temporary or queued DVC experiment.

`dvc exp run --temp` and `--queue` run in a copy of the repository in `.dvc/tmp/exps/`, without the files that git
ignores, such as data/raw. Then they are read from the main checkout.
"""

from pathlib import Path

_COPIES = (".dvc", "tmp", "exps")  # folder of the copies, in the main checkout


def main_checkout(root: Path) -> Path | None:
    """Return the repository that `root` is an experiment's copy of, or None if it is not such a copy."""
    parts = root.resolve().parts
    for start in range(1, len(parts) - len(_COPIES)):
        if parts[start : start + len(_COPIES)] == _COPIES:
            return Path(*parts[:start])
    return None


def find(root: Path, path: Path) -> Path:
    """Return `root / path`, or the same path in the main checkout if it exists only there."""
    original = main_checkout(root)
    if original is not None and not (root / path).exists() and (original / path).exists():
        return original / path
    return root / path


def hint(root: Path) -> str:
    """Return a sentence for the error that a file is missing in an experiment; elsewhere an empty string."""
    original = main_checkout(root)
    if original is None:
        return ""
    return f" This experiment runs in a copy of {original}, without the files that git ignores; it is not there either."
