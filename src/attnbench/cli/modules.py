"""List the attention modules, or show one of them.

The names are those that `attention:` accepts in a params.yaml.

  attnbench modules                              all modules, with their defaults
  attnbench modules se                           one module: formula, options, paper
  attnbench modules --write docs/modules.md      the page of all modules
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the module to show, or the page to write."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument("name", nargs="?", metavar="NAME", help="a module (default: list all)")
    group.add_argument("--write", type=output_file, metavar="PATH", help="write the page of all modules to this file")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """List, show, or write."""
    if arguments.write is not None:
        from attnbench.records import files
        from attnbench.tools import modules_page

        files.write_text(here / arguments.write, modules_page.page())
        return True
    from attnbench.tools import modules

    sys.stdout.write(modules.overview() if arguments.name is None else modules.details(arguments.name))
    return True
