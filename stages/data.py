"""Stage `data`: prepare a study's images. Usage: python stages/data.py params.yaml"""

import source  # noqa: F401, I001 -- first: the package of this checkout

import sys
from pathlib import Path

from attnbench import errors, records
from attnbench.code.unchanged import unchanged
from attnbench.data.prepare import prepare, summary
from attnbench.records import prepared
from attnbench.study import StudyPaths, load


def main() -> None:
    """Write the prepared images and their record."""
    study = load(Path(sys.argv[1]))
    paths = StudyPaths(study.name)
    with unchanged(study, paths, "data"):
        images = prepare(study.data, root=Path())
    prepared.save(paths.prepared, images)
    records.write(paths.data_summary, summary(study.name, images))
    print(f"{images.description.title}: {len(images.train_labels)} training, {len(images.test_labels)} test images")


if __name__ == "__main__":
    errors.run_main(main)
