"""Test an attention module: its file, the contract, a short training, and its cost.

Every check runs with the defaults of the module's options, with each other value of an option, and with all changed.
The exit status is 0 if all pass.

  attnbench test channel_scale
  attnbench test mine.channel_scale      a module of your own package
"""

import argparse
import sys


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the module."""
    parser.add_argument("name", metavar="NAME", help="a module, or PACKAGE.NAME")


def run(arguments: argparse.Namespace, here: object) -> bool:
    """Check, and print a line for each check."""
    from attnbench.study import attention

    attention.path(arguments.name)  # a misspelt name is refused before torch is loaded

    from attnbench.tools.contract.suite import check_module

    def write(line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()

    return check_module(arguments.name, write)
