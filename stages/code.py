"""Write fingerprints of what stages compute: `code.py PARAMS` for the data, `code.py PARAMS VARIANT` for the rest."""

import sys
from pathlib import Path
from typing import get_args

from attnbench import errors, files, fingerprint, paths
from attnbench import study as studies


def main() -> None:
    """Write one JSON file for the data stage, or one for each of train, cost and views."""
    params, *rest = sys.argv[1:]
    study = studies.load(Path(params))
    place = paths.StudyPaths(study.study)
    if not rest:
        files.write_json(place.data_code, fingerprint.of_data(study))
        return
    variant = rest[0]
    studies.require(study, Path(params), variant)
    studies.require_watched(study, variant, Path(params).parent / study.root)
    for stage in get_args(fingerprint.Stage):
        files.write_json(place.code(stage, variant), fingerprint.of_stage(study, stage, variant))


if __name__ == "__main__":
    errors.run_main(main)
