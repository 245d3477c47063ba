"""Made-up records of runs for all tests: `from made_records import ENVIRONMENT, make_run`."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attnbench import records
from attnbench.records import Environment, Identity, RunRecord
from attnbench.study import StudyPaths

ENVIRONMENT = Environment(
    python="3.11.7",
    torch="2.15.0",
    device="cpu",
    instruction_set="AVX512",
    processor="Example CPU @ 2.0 GHz",
    threads=1,
    precision="bf16",
    memory_format="channels_last",
)
IDENTITY = Identity(data="d" * 64, code="c" * 64, params="e" * 64, environment=ENVIRONMENT)


def make_run(variant: str, seed: int, accuracy: float, **changes: Any) -> RunRecord:
    """Return the record of a run.

    `changes` overrides fields of `RunRecord`, `Identity` or `Environment`. Unless overridden, runs have equal
    checkpoints exactly if their accuracies are equal.
    """
    environment = ENVIRONMENT.model_copy(update=_pop(changes, Environment.model_fields))
    identity = IDENTITY.model_copy(update={"environment": environment, **_pop(changes, Identity.model_fields)})
    values = {
        "study": "made_up",
        "variant": variant,
        "seed": seed,
        "epochs": 4,
        "accuracy": accuracy,
        "loss": 1 - accuracy,
        "per_class_accuracy": {"ring": accuracy},
        "validation_accuracy": 0.5,
        "best_validation_accuracy": 0.5,
        "best_validation_epoch": 3,
        "train_accuracy": 0.5,
        "parameters": 1000,
        "checkpoint_sha256": f"{round(accuracy * 1e6):064x}",
        "predictions_sha256": "b" * 64,
        "identity": identity,
    }
    return RunRecord.model_validate(values | changes)


def write_runs(root: Path, runs: Iterable[RunRecord]) -> None:
    """Write the records where their studies keep them."""
    for run in runs:
        records.write(StudyPaths(run.study, root).record(run.variant, run.seed), run)


def _pop(changes: dict[str, Any], names: Any) -> dict[str, Any]:
    return {name: changes.pop(name) for name in names if name in changes}
