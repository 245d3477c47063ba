"""Start an attention module: a file with marked places to fill in.

attnbench new channel_scale          src/attnbench/networks/attention/channel_scale.py
attnbench new mine.channel_scale     channel_scale.py in your own package `mine`, created in src/ if necessary
"""

import argparse
import sys
from pathlib import Path

_NEXT = """\
{path} is started. Next:
1. Fill in what is marked FILL IN: the formula and its source in the header, PAPER, the weights and the gate.
2. Test it:      attnbench test {name}
3. Use it in a line under `variants:` of a params.yaml, at a site of the backbone:
                 {variant}: {{attention: {name}, site: before_pool}}
4. Run it:       attnbench run (in a clone without weights: attnbench run --allow-missing)
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the name."""
    parser.add_argument("name", metavar="NAME", help="of a-z, 0-9 and _, or PACKAGE.NAME")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Write the file and print the next steps."""
    from attnbench.study import repository
    from attnbench.study.paths import relative_to_cwd
    from attnbench.tools import new

    path = new.create(arguments.name, repository.root_of(here))
    variant = arguments.name.rpartition(".")[-1]
    sys.stdout.write(_NEXT.format(path=relative_to_cwd(path), name=arguments.name, variant=variant))
    return True
