"""Measure how fast things are on this machine, side by side.

`attnbench bench training` compares, in turns and on the same network, images and augmentation, a training loop as
tutorials have it, our own training, and bare steps without anything around them, which are the limit. The machine
should have nothing else to do. The images are generated: nothing has to be fetched or prepared first.
"""

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what is measured, on which study's network, and how often."""
    parser.add_argument("what", choices=["training"], help="what is measured")
    parser.add_argument("study", nargs="?", metavar="STUDY", help="its name; without one, the study at the root")
    parser.add_argument(
        "--variants",
        nargs="+",
        metavar="NAME",
        help="of the study; the first is what steps are compared with (default: the baseline, and cbam)",
    )
    parser.add_argument(
        "--rounds", type=whole_number, default=7, metavar="N", help="turns of each that count (default: 7)"
    )
    parser.add_argument("--images", type=whole_number, default=2560, metavar="N", help="in a turn (default: 2560)")
    parser.add_argument(
        "--batch-size", type=whole_number, default=128, metavar="N", help="of our own training (default: 128)"
    )
    parser.add_argument("--precision", choices=["float32", "bf16"], help="of our own training (default: the study's)")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write everything to this file as well")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Measure, and write the tables."""
    from attnbench import machine
    from attnbench.records import files
    from attnbench.study import repository, require
    from attnbench.study.paths import shown
    from attnbench.tools.bench import settings, table, training

    place = repository.locate(arguments.study, here)
    for variant in arguments.variants or []:
        require(place.study, shown(place.params), variant)
    chosen = settings.settings(
        place.study,
        variants=arguments.variants,
        images=arguments.images,
        batch_size=arguments.batch_size,
        rounds=arguments.rounds,
        precision=arguments.precision,
        cores=machine.cores(),
    )
    result = training.measure(chosen, lambda line: sys.stderr.write(f"{line}\n"))
    sys.stdout.write(table.text(result))
    if arguments.json:
        files.write_json(here / arguments.json, result.json())
    return True


def whole_number(text: str) -> int:
    """Return what an option gives as a number of at least 1; argparse shows this function's name where it is none."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"given {value}; must be at least 1")
    return value
