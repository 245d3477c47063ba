"""The commands that a message tells the user to type."""

from pathlib import PurePosixPath

from attnbench.study.schema import Study


def repro(study: Study, stages: list[str]) -> str:
    """Return the command that makes these stages of a study; every study but the root one names its dvc.yaml."""
    folder = PurePosixPath(study.params).parent
    prefix = "" if folder == PurePosixPath() else f"{folder / 'dvc.yaml'}:"
    return f"dvc repro {' '.join(prefix + stage for stage in stages)}"
