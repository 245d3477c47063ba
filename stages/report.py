"""Write the report of a study from what git holds: `python stages/report.py params.yaml`."""

import sys
from pathlib import Path

from attnbench import errors, report, study
from attnbench.paths import StudyPaths


def main() -> None:
    """Write REPORT.md and the figures of the study that the first argument names."""
    loaded = study.load(Path(sys.argv[1]))
    report.write_report(loaded, StudyPaths(loaded.study))


if __name__ == "__main__":
    errors.run_main(main)
