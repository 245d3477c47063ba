"""Begin an attention module: a file with two places to fill in.

attnbench new channel_scale          src/attnbench/networks/attention/channel_scale.py
attnbench new mine.channel_scale     channel_scale.py in your own package `mine`, which is begun in src/ if need be
"""

import argparse
import sys
from pathlib import Path

_NEXT = """\
{path} is begun. What is left:
1. Its header and PAPER, lines {header}: what it does, the formula, the reference.
2. Its weights, their number and the gate, lines {formula}.
3. Check it:     python -m pytest tests/attention --family {name}
4. Use it, by a line under `variants:` of a params.yaml, with a site that the backbone has:
                 {last}: {{attention: {name}, site: before_pool}}
   and run that: attnbench run
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name, and what the gate scales."""
    parser.add_argument("name", metavar="NAME", help="of a-z, 0-9 and _, or PACKAGE.NAME")
    parser.add_argument(
        "--gate", choices=["channel", "spatial"], default="channel", help="what it scales (default: %(default)s)"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Write the file and say what is left to do."""
    from attnbench.study import repository
    from attnbench.study.paths import shown
    from attnbench.tools import new as scaffold

    path = scaffold.create(arguments.name, arguments.gate, repository.root_of(here))
    header, formula = scaffold.places_to_fill(path)
    last = arguments.name.rpartition(".")[-1]
    sys.stdout.write(_NEXT.format(path=shown(path), header=header, formula=formula, name=arguments.name, last=last))
    return True
