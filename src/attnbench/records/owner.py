"""Which study, variant or run a record belongs to: a file that was copied or renamed is refused."""

from pathlib import Path

from attnbench.errors import UserError
from attnbench.records.ablation import AblationRecord
from attnbench.records.cost import CostRecord, LatencyRecord
from attnbench.records.maps import MapsRecord
from attnbench.records.robustness import RobustnessRecord
from attnbench.records.runs import RunRecord
from attnbench.study.paths import run_name

OwnedRecord = AblationRecord | CostRecord | LatencyRecord | MapsRecord | RobustnessRecord | RunRecord


def require_of(
    record: OwnedRecord,
    path: Path | str,
    advice: str,
    *,
    study: str,
    variant: str | None = None,
    run: str | None = None,
) -> None:
    """Check that a record belongs to a study, or to its variant or run. `advice` says what to do otherwise.

    Raises:
        UserError: it belongs to another one.
    """
    if problem := other_owner(record, study=study, variant=variant, run=run):
        raise UserError(f"{path} {problem}. {advice}")


def other_owner(record: OwnedRecord, *, study: str, variant: str | None = None, run: str | None = None) -> str | None:
    """Return `belongs to run se-1 of study 'x', not to run se-0 of study 'x'`, or None if it is the right record."""
    match record:
        case LatencyRecord():
            owner = _owner(record.study)
        case CostRecord():
            owner = _owner(record.study, variant=record.variant)
        case _:
            owner = _owner(record.study, run=run_name(record.variant, record.seed))
    expected = _owner(study, variant=variant, run=run)
    return None if owner == expected else f"belongs to {owner}, not to {expected}"


def _owner(study: str, *, variant: str | None = None, run: str | None = None) -> str:
    part = f"run {run} of " if run else f"variant {variant!r} of " if variant else ""
    return f"{part}study {study!r}"
