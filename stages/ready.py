"""Stage `ready`: every variant was built, probed and counted. Usage: python stages/ready.py params.yaml

Training waits for it. It writes the same bytes each time, so a new variant makes no finished run stale.
"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors, records
from attnbench.code.unchanged import unchanged
from attnbench.records import files
from attnbench.study import StudyPaths, load


def main() -> None:
    """Check that stage `cost` left a record of every variant, and say so in a file that every run depends on."""
    study = load(Path(sys.argv[1]))
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "ready"):
        for variant in study.variants:
            path = paths.cost(variant)
            record = records.read(path, records.CostRecord)
            records.require_of(record, path, "`dvc repro` makes it anew", study=study.name, variant=variant)
    files.write_json(paths.ready, {"ready": True})


if __name__ == "__main__":
    errors.run_main(main)
