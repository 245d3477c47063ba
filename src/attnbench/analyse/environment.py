"""The machines that the runs were made on."""

import pandas as pd

from attnbench.records import Environment, RunRecord
from attnbench.study.paths import run_name


def environment_frame(runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per environment met: its facts, how many runs have it, and which, the most frequent first.

    More than one row means that runs were made on differing machines or with differing versions.
    """
    names: dict[Environment, list[str]] = {}
    for run in runs:
        names.setdefault(run.identity.environment, []).append(run_name(run.variant, run.seed))
    ordered = sorted(names.items(), key=lambda item: -len(item[1]))
    return pd.DataFrame([{**found.model_dump(), "n": len(own), "runs": " ".join(own)} for found, own in ordered])
