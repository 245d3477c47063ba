"""Bring whole seeds of a study from another clone or revision.

A seed counts with the runs of all variants. What the stages of its runs wrote is copied, with the entries of dvc.lock:
records, curves, correctness bits, ablations, robustness and maps, from a folder also the weights. Nothing is merged if
images, code or values differ, if the runs of a seed come from two classes of machine, or if both sides have a run with
different results.

  attnbench merge ../other_clone cifar10
  attnbench merge origin/seeds_3_4 cifar10 --seeds 3 4
"""

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the other side, the study and the seeds."""
    parser.add_argument("source", metavar="REV|FOLDER", help="another clone, or a git revision of this one")
    parser.add_argument("study", nargs="?", metavar="STUDY", help="name of a study (default: the root study)")
    parser.add_argument("--seeds", type=int, nargs="+", metavar="SEED", help="only these (default: all that are whole)")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Merge, and say what was brought."""
    from attnbench.compare.merge import merge

    merged = merge(arguments.source, arguments.study, here, arguments.seeds)
    seeds = ", ".join(map(str, merged.seeds)) or "none: all that are whole there are here"
    sys.stdout.write(f"merged seeds: {seeds}\n")
    for seed, variants in merged.lacking.items():
        sys.stdout.write(f"left out: seed {seed}, which lacks {', '.join(variants)}\n")
    return True
