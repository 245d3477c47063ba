"""Show what more seeds would decide, and what they would cost.

Prints the hours and the disk space of a study for 3, 5 and 10 seeds. With the spread of a run that neither its variant
nor its seed explains, stated or taken from a study that has been trained, also how wide the intervals will be, and how
many seeds give half-widths of 1.0, 0.5 and 0.3 percentage points. Nothing has to be trained before. Training steps are
timed for the hours: leave the machine idle while it runs.

  attnbench plan modules
  attnbench plan modules --spread 0.35
  attnbench plan modules --like quickstart
"""

import argparse
import sys
from pathlib import Path

from attnbench.errors import shortened


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study, and where the spread comes from."""
    parser.add_argument("study", metavar="STUDY", help="name of a study")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--spread", type=_points, metavar="POINTS", help="a standard deviation, in percentage points")
    source.add_argument("--like", metavar="STUDY", help="a study that has been trained with two or more seeds")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the table."""
    from attnbench.study import repository

    located = repository.locate(arguments.study, here)
    like = repository.locate(arguments.like, here) if arguments.like else None

    from attnbench.tools import plan  # after the names are checked: it loads torch

    spread = plan.spread_of(like) if like else None
    if arguments.spread is not None:
        spread = plan.AssumedSpread(arguments.spread, "stated")
    sys.stdout.write(plan.text(located, spread))
    return True


def _points(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"given {shortened(text)!r}; must be a number, such as 0.35") from None
    if not 0 < value < 100:
        raise argparse.ArgumentTypeError(f"given {text}; must be between 0 and 100 percentage points")
    return value
