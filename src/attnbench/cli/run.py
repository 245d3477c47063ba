"""Bring a study up to date: images, runs, report.

Everything is made by DVC, the runs side by side; nothing happens where nothing changed.
"""

import argparse
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study and the number of runs side by side."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="its name; without one, the study at the root")
    parser.add_argument(
        "--jobs", type=int, metavar="N", help="how many runs go side by side (default: what the cores carry)"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Reproduce the study."""
    from attnbench.run import reproduce as pipeline  # noqa: PLC0415 -- see `attnbench.commands`

    return pipeline.reproduce(arguments.study, arguments.jobs, here)
