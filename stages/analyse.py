"""Bring the records of all runs together: `python stages/analyse.py params.yaml`."""

import sys
from pathlib import Path

from attnbench import analysis, errors, study
from attnbench.paths import StudyPaths


def main() -> None:
    """Write the tables and the summary of the study that the first argument names."""
    loaded = study.load(Path(sys.argv[1]))
    analysis.analyse(loaded, StudyPaths(loaded.study))


if __name__ == "__main__":
    errors.run_main(main)
