"""Repeat recorded runs, and compare their bytes with dvc.lock.

They are trained in a scratch folder, and nothing recorded is changed. On the class of machine of the record every byte
has to be the same; on another class the accuracy has to lie where the recorded seeds say that one more run would.
"""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study and the number of runs."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="its name; without one, the study at the root")
    parser.add_argument(
        "--runs",
        type=int,
        default=1,
        metavar="K",
        help="how many, spread over the variants; more than there are is all (default: 1)",
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Repeat and compare."""
    from attnbench.compare.verify import verify  # noqa: PLC0415 -- see `attnbench.commands`

    return verify(arguments.study, arguments.runs, here)
