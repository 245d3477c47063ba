"""Bring a study up to date: images, runs, report.

Independent stages run in parallel. Those whose inputs have not changed are skipped. With --seeds several machines share
a study; with --cluster stages run on Dask workers, SSH hosts or a queue (docs/scaling.md). A clone has no
weights: there, --allow-missing trains only what is new or changed and takes all other results
from git.
"""

import argparse
import os
from pathlib import Path

from attnbench.cli import positive
from attnbench.errors import UserError


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the study, the number of parallel runs and the seeds."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help="name of a study (default: the root study)")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--jobs", type=positive, metavar="N", help="how many runs to train in parallel (default: what the cores allow)"
    )
    where.add_argument(
        "--cluster", type=Path, metavar="FILE", help="a cluster.yaml: where to train and evaluate instead of here"
    )
    parser.add_argument(
        "--seeds", type=int, nargs="+", metavar="SEED", help="train only these seeds, all variants of each"
    )
    parser.add_argument(
        "--allow-missing", action="store_true", help="accept results in git whose weights are absent, as in a clone"
    )


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Reproduce the study.

    Raises:
        UserError: Windows, which has no process groups to stop a stage with all its children.
    """
    if not hasattr(os, "killpg"):
        raise UserError("`attnbench run` needs Linux or macOS; on Windows use it inside WSL (`wsl --install`)")
    from attnbench.run.reproduce import reproduce

    return reproduce(
        arguments.study,
        arguments.jobs,
        here,
        arguments.seeds,
        cluster=arguments.cluster,
        allow_missing=arguments.allow_missing,
    )
