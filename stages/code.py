"""Stage `code`: write fingerprints of the code of every stage. Usage: python stages/code.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors
from attnbench.code.fingerprint import Fingerprints
from attnbench.records import files
from attnbench.study import StudyPaths, load
from attnbench.study.packages import require_watched


def main() -> None:
    """Write one JSON file for each stage, or for each stage and variant, and a listing of the source files."""
    params = Path(sys.argv[1])
    study = load(params)
    paths = StudyPaths(study.name)
    for variant in study.variants:
        require_watched(study, variant, params.parent / study.root)
    fingerprints = Fingerprints(study)
    with files.replacing_several(paths.results) as folder:
        for stage, of_variant, fingerprint in fingerprints.all():
            files.write_json(folder / paths.code(stage, of_variant).relative_to(paths.results), fingerprint)
        files.write_json(folder / paths.code_listing.relative_to(paths.results), fingerprints.listing())


if __name__ == "__main__":
    errors.run_main(main)
