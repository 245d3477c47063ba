"""Stage `report`: write the report of a study from what git holds. Usage: python stages/report.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors
from attnbench.code.unchanged import unchanged
from attnbench.report.render import write_report
from attnbench.study import StudyPaths, load


def main() -> None:
    """Write the report of the study, its figures, its page and its tables for a paper."""
    study = load(Path(sys.argv[1]))
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "report"):  # a failed stage is not recorded, so the report is made again
        write_report(study, paths)


if __name__ == "__main__":
    errors.run_main(main)
