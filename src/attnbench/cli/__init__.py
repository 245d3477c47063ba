"""The command `attnbench`: `cli/<name>.py` is the subcommand `attnbench <name>`.

The docstring of a subcommand's file is its help, and the first line its short help. `arguments(parser)` adds its
arguments; `run(arguments, here)` does the work in the current folder `here` and returns whether it succeeded. Every
file is imported for `--help`, so each imports what it needs inside `run`.
"""

import argparse
import inspect
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

from attnbench import errors


def main() -> None:
    """Run the command line; the exit status is 0, or 1 with one clear message."""
    errors.run_main(_main)


def positive(text: str) -> int:
    """Return the integer that an option gives; argparse names this function if it is not one.

    Raises:
        argparse.ArgumentTypeError: it is less than 1.
    """
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"given {value}; must be at least 1")
    return value


def _main() -> None:
    arguments = _parser().parse_args()
    if not arguments.run(arguments, Path.cwd()):
        sys.exit(1)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="attnbench", description="Benchmark attention modules in small networks.")
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = import_module(f"{__name__}.{name}")
        text = inspect.getdoc(module) or ""
        command = subparsers.add_parser(
            name,
            help=text.partition("\n")[0],
            description=text,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser
