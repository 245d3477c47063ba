"""Compare two sets of runs, paired by variant and seed.

A side is STUDY, its records in the working tree, or REV:STUDY, those of a git commit, which is read and not checked
out. Without B, B is the study of the same name in the working tree. All records of a side count, also those of
variants and seeds that its params.yaml no longer names.

  attnbench compare HEAD~3:cifar10             a commit with the working tree
  attnbench compare v1:cifar10 v2:cifar10      a commit with another
  attnbench compare cifar10 cifar10_float32    a study with another
"""

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, the confidence of the intervals, and where the numbers go."""
    parser.add_argument("a", metavar="A", help="STUDY or REV:STUDY")
    parser.add_argument("b", metavar="B", nargs="?", help="likewise; without one, the study of A in the working tree")
    parser.add_argument(
        "--confidence", type=float, default=0.95, metavar="SHARE", help="of the intervals (default: %(default)s)"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the numbers to a file, accuracies as shares")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the comparison, and write its numbers where asked."""
    import pandas as pd  # noqa: PLC0415 -- see `attnbench.commands`

    from attnbench import compare  # noqa: PLC0415
    from attnbench.compare import words  # noqa: PLC0415
    from attnbench.records import files  # noqa: PLC0415
    from attnbench.report import tables  # noqa: PLC0415
    from attnbench.study import repository  # noqa: PLC0415

    side_a = compare.parse_side(arguments.a)
    side_b = compare.parse_side(side_a.study if arguments.b is None else arguments.b)
    found = compare.compare(side_a, side_b, repository.root_of(here), arguments.confidence)
    rows = pd.concat([found.variants, found.overall])
    table = tables.markdown(tables.comparison_table(rows, found.confidence))
    sys.stdout.write("\n".join([*words.above(found), table, *words.below(found), ""]))
    if arguments.json is not None:
        files.write_json(here / arguments.json, found.numbers())
    return True
