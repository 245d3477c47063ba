"""Say what is recorded of each study, what is missing, and whether it is current.

One line per study. A study may lack whole seeds: it grows seed by seed. The exit status is 1 if a seed lacks some
variants, if a result is lost or older than the code, the params.yaml or the results that it is made from, or if a run
is under way. Weights and images may be absent, as in a clone. Nothing is run or written.
"""

import argparse
import sys
from pathlib import Path


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the studies."""
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="names of studies (default: all)")


def run(arguments: argparse.Namespace, here: Path) -> bool:
    """Print a line per study; return whether all are current."""
    from attnbench.errors import UserError
    from attnbench.run.status import status
    from attnbench.study import named_studies, repository

    is_current = True
    for name in arguments.studies or named_studies.files_of(repository.root_of(here)):
        try:
            recorded = status(name, here)
        except UserError as error:
            if arguments.studies:
                raise
            line, is_current = f"{name}: {error}", False
        else:
            line, is_current = recorded.text(), is_current and recorded.is_current
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    return is_current
