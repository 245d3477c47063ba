"""Draw what a trained network responds to in images of your own.

Prints the probabilities of the classes and writes a figure. An image is any file in the formats BMP, GIF, JPEG, PNG,
PPM, TIFF and WEBP; it is resized to what the network was trained on, without keeping its proportions.

  attnbench explain runs/quickstart/cbam-0 photo.jpg other.png
  attnbench explain runs/quickstart/cbam-0 photo.jpg --class star --layer block2.conv
  attnbench explain runs/quickstart/cbam-0 photo.jpg --method gates --write gates.svg
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file

METHODS = ("gradcam", "gates", "features", "channels")
FORMATS = (".pdf", ".png", ".svg")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, the images and what to draw."""
    parser.add_argument("folder", metavar="RUN", help="folder of a run: runs/STUDY/VARIANT-SEED")
    parser.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="image files, at most six")
    parser.add_argument("--method", choices=METHODS, default="gradcam", help="what to draw (default: %(default)s)")
    parser.add_argument("--layer", metavar="NAME", help="a layer, or a slot for gates (default: all blocks or slots)")
    parser.add_argument(
        "--class", dest="target", metavar="CLASS", help="whose evidence gradcam shows (default: the predicted class)"
    )
    parser.add_argument(
        "--write", type=_figure, default="explain.png", metavar="PATH", help="the figure (default: %(default)s)"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print the table and write the figure."""
    from attnbench.study import repository

    repository.locate_run(here / arguments.folder)  # a misspelt name is refused before torch is loaded

    from attnbench.report.figures import style
    from attnbench.use.explain import explain
    from attnbench.use.trained import load

    explanation = explain(
        load(here / arguments.folder),
        arguments.images,
        method=arguments.method,
        layer=arguments.layer,
        target=arguments.target,
    )
    style.save(explanation.figure, here / arguments.write)
    sys.stdout.write(f"{explanation.text}\nfigure: {arguments.write}\n")
    return True


def _figure(text: str) -> Path:
    path = output_file(text)
    if path.suffix not in FORMATS:
        raise argparse.ArgumentTypeError(f"given {text!r}; must end with {', '.join(FORMATS)}")
    return path
