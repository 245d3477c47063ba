"""The command `attnbench`: `cli/<name>.py` is the subcommand `attnbench <name>`.

The docstring of a subcommand's file is its help, and the first line its short help. `arguments(parser)` adds its
arguments; `run(arguments, here)` does the work in the current folder `here` and returns whether it succeeded. Every
file is imported for `--help`, so each imports what it needs inside `run`.
"""

import argparse
import inspect
import os
import pkgutil
from importlib import import_module
from pathlib import Path

from attnbench import errors

LONGEST_NAME = 240  # bytes; the system allows 255, and a file is first written under a longer name
MOST = 1_000_000  # of anything that an option counts: more fits into no machine


def main() -> None:
    """Run the command line; the exit status is 0, or 1 with one clear message."""
    errors.run_main(_main)


def positive(text: str) -> int:
    """Return the integer that an option gives.

    Raises:
        argparse.ArgumentTypeError: it is no integer, is less than 1, or is more than a million.
    """
    try:
        value = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"given {errors.shortened(text)!r}; must be a whole number") from None
    if not 1 <= value <= MOST:
        raise argparse.ArgumentTypeError(f"given {value}; must be at least 1, and at most {MOST}")
    return value


def output_file(text: str) -> Path:
    """Return the path of a file that an option asks to write, before hours of work are spent on its content.

    Raises:
        argparse.ArgumentTypeError: it is a folder or a device, lies below a file, or its name is too long.
    """
    path = Path(text)
    if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts):
        raise argparse.ArgumentTypeError(f"given {errors.shortened(text)!r}, with a name that is too long for a file")
    try:
        if path.exists() and not path.is_file():
            raise argparse.ArgumentTypeError(f"given {text!r}, which is not a file; name one")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:
        raise argparse.ArgumentTypeError(f"given {errors.shortened(text)!r}: {error.strerror}") from None
    if not folder.is_dir():
        raise argparse.ArgumentTypeError(f"given {text!r}, but {str(folder)!r} is not a folder")
    return path


def _main() -> int:
    try:
        arguments = _parser().parse_args()
    except SystemExit as ended:  # argparse has printed the help, or what is wrong
        return int(ended.code or 0)
    try:
        folder = Path.cwd()
    except FileNotFoundError:
        raise errors.UserError(
            "the folder in which this runs has been removed; change to another and try again"
        ) from None
    return 0 if arguments.run(arguments, folder) else 1


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
