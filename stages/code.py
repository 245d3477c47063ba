"""Write fingerprints of what stages compute: `code.py PARAMS` for the data, `code.py PARAMS VARIANT` for the rest."""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path
from typing import get_args

from attnbench import errors
from attnbench.code import fingerprint
from attnbench.records import files
from attnbench.study import StudyPaths, load, require
from attnbench.study.packages import require_watched


def main() -> None:
    """Write one JSON file for the data stage, or one for each of train, cost and views."""
    params, *rest = sys.argv[1:]
    study = load(Path(params))
    paths = StudyPaths(study.name)
    if not rest:
        files.write_json(paths.data_code, fingerprint.of_data(study))
        return
    variant = rest[0]
    require(study, Path(params), variant)
    require_watched(study, variant, Path(params).parent / study.root)
    for stage in get_args(fingerprint.Stage):
        files.write_json(paths.code(stage, variant), fingerprint.of_stage(study, stage, variant))


if __name__ == "__main__":
    errors.run_main(main)
