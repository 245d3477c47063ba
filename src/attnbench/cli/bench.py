"""Measure how fast training is on this machine.

Compares, on the same network, images and augmentation, the training loop of a tutorial, attnbench's training, and bare
training steps on one batch, which are the limit. They take turns. The images are generated, so nothing has to be
prepared. Leave the machine idle while it runs.
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file, positive


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study, its variants and the number of rounds."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="name of a study (default: the root study)")
    parser.add_argument(
        "--variants", nargs="+", metavar="NAME", help="step times are relative to the first (default: baseline, cbam)"
    )
    parser.add_argument("--rounds", type=positive, default=7, metavar="N", help="turns of each (default: %(default)s)")
    parser.add_argument("--images", type=positive, default=2560, metavar="N", help="per turn (default: %(default)s)")
    parser.add_argument(
        "--batch-size", type=positive, default=128, metavar="N", help="of attnbench's training (default: %(default)s)"
    )
    parser.add_argument(
        "--precision", choices=["float32", "bf16"], help="of attnbench's training (default: the study's)"
    )
    parser.add_argument(
        "--json", type=output_file, metavar="PATH", help="also write the time of every turn to this file"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Measure and print the tables."""
    from attnbench.records import files
    from attnbench.study import repository, require
    from attnbench.study.paths import relative_to_cwd

    located = repository.locate(arguments.study, here)
    for variant in arguments.variants or []:
        require(located.study, relative_to_cwd(located.params), variant)

    from attnbench.tools import bench  # after the names are checked: it loads torch

    benchmark = bench.configure(
        located.study,
        arguments.variants,
        images=arguments.images,
        rounds=arguments.rounds,
        batch_size=arguments.batch_size,
        precision=arguments.precision,
    )
    seconds = bench.measure(benchmark, lambda line: sys.stderr.write(f"{line}\n"))
    sys.stdout.write(bench.text(benchmark, seconds))
    if arguments.json:
        files.write_json(here / arguments.json, bench.values(benchmark, seconds))
    return True
