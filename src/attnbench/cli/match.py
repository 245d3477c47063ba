"""Find a wider network that costs as much as a module.

One integer option of the backbone is raised until the network without the module has as many parameters as the
variant, or takes as long per batch or per training step. Add the printed lines to `variants` and `controls` of the
params.yaml. Times are measured alternately, on this machine: leave it idle while it runs, and repeat the measurement.

  attnbench match tutorial cbam --by parameters --option hidden
  attnbench match tutorial cbam --by latency --option width --batch-size 128
  attnbench match tutorial cbam --by training_step --option width
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import positive


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the variant, the option and the cost."""
    parser.add_argument("study", metavar="STUDY", help="name of a study")
    parser.add_argument("variant", metavar="VARIANT", help="a variant with a module")
    parser.add_argument(
        "--by", choices=["parameters", "latency", "training_step"], required=True, help="the cost to match"
    )
    parser.add_argument("--option", default="width", metavar="NAME", help="of the backbone (default: %(default)s)")
    parser.add_argument("--batch-size", type=positive, metavar="N", help="for latency (default: the study's largest)")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the nearest networks and the lines for params.yaml."""
    from attnbench.errors import UserError
    from attnbench.study import attention, backbones, repository, require
    from attnbench.study.paths import relative_to_cwd

    batch_size = arguments.batch_size
    if batch_size is not None and arguments.by != "latency":
        raise UserError(f"--batch-size {batch_size} needs --by latency")
    located = repository.locate(arguments.study, here)
    require(located.study, relative_to_cwd(located.params), arguments.variant)
    if located.study.variants[arguments.variant].attention == attention.NONE:
        raise UserError(f"{arguments.variant} has no module to match; name a variant with one")
    backbones.require_integer_option(located.study.backbone.name, arguments.option)

    from attnbench.tools.match import match  # after the names are checked: it loads torch

    batch_size = batch_size or max(located.study.latency.batch_sizes)
    sys.stdout.write(match(located.study, located.root, arguments.variant, arguments.option, arguments.by, batch_size))
    return True
