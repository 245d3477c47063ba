"""Stage `data`: prepare a study's images. Usage: python stages/data.py params.yaml"""

import sys
from pathlib import Path

from attnbench import errors, records, study
from attnbench.data import prepared
from attnbench.data.prepare import prepare, summary
from attnbench.paths import StudyPaths


def main() -> None:
    """Write the prepared images and the record of what they are."""
    config = study.load(Path(sys.argv[1]))
    paths = StudyPaths(config.study)
    data = prepare(config.data, root=Path())
    prepared.save(paths.prepared, data)
    records.write(paths.data_summary, summary(config.study, data))
    print(f"{data.description.title}: {len(data.train_labels)} training and {len(data.test_labels)} test images")


if __name__ == "__main__":
    errors.run_main(main)
