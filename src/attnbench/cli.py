"""The command `attnbench`: one subcommand for each file in `attnbench.commands`."""

import argparse
import inspect
import pkgutil
import sys
from importlib import import_module
from pathlib import Path

from attnbench import commands, errors


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
    for name in sorted(module.name for module in pkgutil.iter_modules(commands.__path__)):
        module = import_module(f"{commands.__name__}.{name}")
        text = inspect.getdoc(module) or ""
        first = text.partition("\n")[0]
        command = subparsers.add_parser(
            name, help=first, description=text, formatter_class=argparse.RawDescriptionHelpFormatter
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return parser
