"""Find a wider network that costs as much as a module.

One option of the backbone, a whole number, is raised until the network without the module has as many parameters as
the variant, or takes as long for a batch. What is printed goes under `variants` and `controls` of the params.yaml.
Times are measured here and now, in turns: leave the machine alone, and repeat it.

  attnbench match capacity cbam --by parameters --option hidden
  attnbench match capacity cbam --by latency --option width --batch-size 128
"""

import argparse
import subprocess
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the variant, the option and the cost."""
    parser.add_argument("study", metavar="STUDY", help="its name")
    parser.add_argument("variant", metavar="VARIANT", help="with a module")
    parser.add_argument("--by", choices=["parameters", "latency"], required=True, help="the cost that is to be equal")
    parser.add_argument("--option", default="width", metavar="NAME", help="of the backbone (default: %(default)s)")
    parser.add_argument(
        "--batch-size", type=int, metavar="N", help="of the latency (default: the largest of the study)"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Match in a process of its own, since it needs torch, and the command does not."""
    from attnbench.errors import UserError
    from attnbench.study import repository

    if arguments.batch_size is not None and (arguments.by != "latency" or arguments.batch_size < 1):
        raise UserError(f"--batch-size {arguments.batch_size}: give a number of at least 1, with --by latency alone")
    root = repository.root_of(here)
    params = repository.params_of(root, arguments.study).relative_to(root)
    command = [sys.executable, "-m", "attnbench.tools.match", str(params), arguments.variant, arguments.option]
    command += [arguments.by, *([] if arguments.batch_size is None else [str(arguments.batch_size)])]
    return subprocess.run(command, cwd=root, check=False).returncode == 0
