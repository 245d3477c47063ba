"""Stage `analyse`: make the tables of a study from its records. Usage: python stages/analyse.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors
from attnbench.analyse import analyse
from attnbench.study import StudyPaths, load


def main() -> None:
    """Write the tables and the summary of the study."""
    study = load(Path(sys.argv[1]))
    analyse(study, StudyPaths(study.name))


if __name__ == "__main__":
    errors.run_main(main)
