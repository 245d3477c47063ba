"""The command `attnbench`: `cli/<name>.py` is the subcommand `attnbench <name>`.

A subcommand's docstring is its help, the first line in short. `arguments(parser)` adds its arguments;
`run(arguments, here)` does the work and returns whether it succeeded; `here` is the current folder. Every file is
imported for `--help`, so `run` imports what the subcommand needs.
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
        first = text.partition("\n")[0]
        command = subparsers.add_parser(
            name, help=first, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser
