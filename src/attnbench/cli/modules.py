"""List the attention modules with their options, or show one of them.

A module of the list is what `attention:` names in a params.yaml. `--write` makes the page that compares all of them
with the modules of public libraries.

  attnbench modules                              all of them, in short
  attnbench modules se                           one of them: its formula, its options, its paper
  attnbench modules --write docs/modules.md      the page
"""

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the module that is shown, and where the page goes."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("name", nargs="?", metavar="NAME", help="a module; without one, all of them in short")
    what.add_argument("--write", type=Path, metavar="PATH", help="write the page of all modules to this file")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """List, show, or write."""
    if arguments.write is not None:
        from attnbench.study import repository
        from attnbench.tools.catalogue import page

        page.write(here / arguments.write, repository.root_of(here))
        return True
    from attnbench.tools.catalogue import listing

    sys.stdout.write(listing.one(arguments.name) if arguments.name else listing.every())
    return True
