"""The `dvc repro` command that a message recommends."""

from pathlib import PurePosixPath

from attnbench.study.schema import Study


def repro(study: Study, stages: list[str]) -> str:
    """Return the command that runs these stages of a study; only the root study needs no path to its dvc.yaml."""
    folder = PurePosixPath(study.params).parent
    prefix = "" if folder == PurePosixPath() else f"{folder / 'dvc.yaml'}:"
    return f"dvc repro {' '.join(prefix + stage for stage in stages)}"
