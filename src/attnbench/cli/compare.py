"""Compare two sets of runs, paired by variant and seed.

A side is STUDY, its records in the working tree, or REV:STUDY, its records in a git commit or DVC experiment, which is
not checked out. Records of variants and seeds that its params.yaml no longer names are left out, and listed.

  attnbench compare HEAD~3:cifar10             a commit with the working tree
  attnbench compare v1:cifar10 v2:cifar10      two commits
  attnbench compare cifar10 cifar10_float32    two studies
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, the confidence of the intervals, and the file for the numbers."""
    parser.add_argument("a", metavar="A", help="STUDY or REV:STUDY")
    parser.add_argument(
        "b", metavar="B", nargs="?", help="same form as A (default: the study of A in the working tree)"
    )
    parser.add_argument(
        "--confidence", type=float, default=0.95, metavar="SHARE", help="of the intervals (default: %(default)s)"
    )
    parser.add_argument("--json", type=output_file, metavar="PATH", help="also write all numbers to this file")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the comparison, and write its numbers to the JSON file."""
    from attnbench.compare.comparison import compare
    from attnbench.compare.comparison_text import comparison_text
    from attnbench.compare.run_sets import parse_source
    from attnbench.records import files
    from attnbench.study import repository

    a = parse_source(arguments.a)
    b = parse_source(arguments.b or a.study)
    comparison = compare(a, b, repository.root_of(here), arguments.confidence)
    sys.stdout.write(comparison_text(comparison))
    if arguments.json is not None:
        files.write_json(here / arguments.json, comparison.to_json())
    return True
