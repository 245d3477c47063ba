"""Stage `report`: write the report of a study from what git holds. Usage: python stages/report.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors
from attnbench.report import write_report
from attnbench.study import StudyPaths, load


def main() -> None:
    """Write REPORT.md and the figures of the study."""
    study = load(Path(sys.argv[1]))
    write_report(study, StudyPaths(study.name))


if __name__ == "__main__":
    errors.run_main(main)
