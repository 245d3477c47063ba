"""What a params.yaml may say, and where a study's files are. Nothing here imports torch."""

from attnbench.study.loading import load, require
from attnbench.study.paths import StudyPaths, run_name
from attnbench.study.schema import Study

__all__ = ["Study", "StudyPaths", "load", "require", "run_name"]
