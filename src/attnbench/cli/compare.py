"""Compare two sets of runs by variant and seed: what became better or worse.

A side is STUDY, its records in the working tree, or REV:STUDY, its records in a git commit or DVC experiment, which is
not checked out. Records of variants and seeds that its params.yaml no longer names are left out, and listed. Runs are
paired by seed; where the sides share no two seeds, they are compared unpaired.

  attnbench compare HEAD~3:cifar10             a commit with the working tree
  attnbench compare v1:cifar10 v2:cifar10      two commits
  attnbench compare cifar10 cifar10_float32    two studies
  attnbench compare origin/main:cifar10 --markdown comment.md --fail-on worse      in a pull request

Exit status: 0, or 1 after an error, 2 for an unknown option, 3 with `--fail-on worse` if a variant is worse in B.
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file

WORSE = 3  # exit status


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two sides, confidence and margin, the files to write, and what counts as a failure."""
    parser.add_argument("a", metavar="A", help="STUDY or REV:STUDY")
    parser.add_argument(
        "b", metavar="B", nargs="?", help="same form as A (default: the study of A in the working tree)"
    )
    parser.add_argument(
        "--confidence", type=float, default=0.95, metavar="SHARE", help="of the intervals (default: %(default)s)"
    )
    parser.add_argument(
        "--margin", type=float, metavar="POINTS", help="differences within it do not matter: equivalent (default: none)"
    )
    parser.add_argument("--json", type=output_file, metavar="PATH", help="also write all numbers to this file")
    parser.add_argument(
        "--markdown", type=output_file, metavar="PATH", help="also write a comment for a pull request to this file"
    )
    parser.add_argument(
        "--fail-on", choices=["worse"], help="exit with status 3 if a variant is worse in B, after writing everything"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the comparison, write the files, and exit with `WORSE` where that is asked for."""
    from attnbench.compare.comparison import compare
    from attnbench.compare.comparison_text import comparison_text, pull_request_comment
    from attnbench.compare.run_sets import parse_source
    from attnbench.records import files
    from attnbench.study import repository

    a = parse_source(arguments.a)
    b = parse_source(arguments.b or a.study)
    comparison = compare(a, b, repository.root_of(here), arguments.confidence, arguments.margin)
    sys.stdout.write(comparison_text(comparison))
    if arguments.json is not None:
        files.write_json(here / arguments.json, comparison.to_json())
    if arguments.markdown is not None:
        files.write_text(here / arguments.markdown, pull_request_comment(comparison))
    if arguments.fail_on and comparison.worse:
        sys.stderr.write(f"worse in B: {', '.join(comparison.worse)}\n")
        sys.exit(WORSE)
    return True
