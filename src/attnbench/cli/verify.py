"""Repeat recorded runs, and compare their bytes with dvc.lock.

The runs are trained in a temporary folder; nothing recorded is changed. On the class of machine in the record, every
byte must be the same. On another class the accuracy must lie in the interval where the recorded seeds predict one more
run; the study's confidence holds for all repeated runs together.
"""

import argparse
from pathlib import Path

from attnbench.cli import positive


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study and the number of runs."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="name of a study (default: the root study)")
    parser.add_argument(
        "--runs",
        type=positive,
        default=1,
        metavar="K",
        help="how many, spread over the variants (default: %(default)s)",
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Repeat and compare."""
    from attnbench.compare.verify import verify

    return verify(arguments.study, arguments.runs, here)
