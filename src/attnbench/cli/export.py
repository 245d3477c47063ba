"""Write a trained network as one file that runs without attnbench.

pt2 is a program of torch.export: `torch.export.load("cbam-0.pt2").module()(images)`. torchscript is for programs that
still use `torch.jit.load`, which torch replaces by pt2. onnx is for other runtimes and needs `pip install -e
'.[export]'`. All take any number of images, standardised as in training, and give logits.
The file is kept only if its logits agree with those of the network to 1e-5, relative and absolute. It holds the names
of the classes, mean and standard deviation, and where the weights come from, as JSON.

  attnbench export runs/quickstart/cbam-0 --format pt2
  attnbench export runs/quickstart/cbam-0 --format onnx --write network.onnx
"""

import argparse
import sys
from pathlib import Path

from attnbench.cli import output_file


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the run, the format and the file."""
    parser.add_argument("folder", metavar="RUN", help="folder of a run: runs/STUDY/VARIANT-SEED")
    formats = ["pt2", "torchscript", "onnx"]
    parser.add_argument("--format", choices=formats, default=formats[0], help="(default: %(default)s)")
    parser.add_argument(
        "--write", type=output_file, metavar="PATH", help="the file (default: VARIANT-SEED with the format as suffix)"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Export, and print what the file takes and how far its logits differ."""
    from attnbench.study import repository

    repository.locate_run(here / arguments.folder)  # a misspelt name is refused before torch is loaded

    from attnbench.use.export import export
    from attnbench.use.trained import load

    trained = load(here / arguments.folder)
    path = arguments.write or Path(f"{trained.name}.{arguments.format}")
    difference = export(trained, here / path, arguments.format)
    shape = ", ".join(map(str, trained.data.image_shape))
    sys.stdout.write(
        f"{path}: images (n, {shape}) minus {trained.data.mean}, divided by {trained.data.std}, to logits of "
        f"{len(trained.classes)} classes; largest difference {difference:.1e}\n"
    )
    return True
