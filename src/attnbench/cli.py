"""The command `attnbench`. What a subcommand needs is imported when it runs, so `--help` answers at once."""

import argparse
import sys
from pathlib import Path

from attnbench import errors


def main() -> None:
    """Run the command line; the exit status is 0, or 1 with one clear message."""
    errors.run_main(_main)


def _main() -> None:
    arguments = _parser().parse_args()
    from attnbench import pipeline  # noqa: PLC0415 -- see above

    if not pipeline.reproduce(arguments.study, arguments.jobs, Path.cwd()):
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="attnbench", description="Benchmark attention modules in a small network.")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    run = commands.add_parser(
        "run",
        help="bring a study up to date: images, runs, report",
        description="Bring a study up to date with DVC, its runs side by side; does nothing where nothing changed.",
    )
    run.add_argument("study", nargs="?", metavar="STUDY", help="its name; without one, the study at the root")
    run.add_argument(
        "--jobs", type=int, metavar="N", help="how many runs go side by side (default: what the cores carry)"
    )
    return parser
