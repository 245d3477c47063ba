"""Stage `analyse`: make the tables of a study from its records. Usage: python stages/analyse.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors
from attnbench.analyse import analyse
from attnbench.code.unchanged import unchanged
from attnbench.study import StudyPaths, load


def main() -> None:
    """Write the tables and the summary of the study."""
    study = load(Path(sys.argv[1]))
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "analyse"):  # a failed stage is not recorded, so the tables are made again
        analyse(study, paths)


if __name__ == "__main__":
    errors.run_main(main)
