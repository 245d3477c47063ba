"""What freezing and shuffling the gates of trained networks changed, in the groups that the report names."""

from typing import Any

from attnbench.report.inputs import Inputs

OUTCOMES = ("worse", "better", "unchanged", "equal", "undecided")


def outcomes(inputs: Inputs, kind: str) -> dict[str, list[str]]:
    """Return outcome -> variants for `frozen` or `shuffled`, for the outcomes that occur.

    `unchanged` in every run, `equal`: changed by the same amount in every run. With one seed, all are undecided.
    """
    rows = inputs.rows("ablation")
    groups = {name: [row["variant"] for row in rows if _outcome(row, kind) == name] for name in OUTCOMES}
    return {name: variants for name, variants in groups.items() if variants}


def _outcome(row: dict[str, Any], kind: str) -> str:
    mean, std, low, high = (row[f"{kind}_{column}"] for column in ("mean", "std", "low", "high"))
    if low is None:
        return "undecided" if std is None else "equal" if mean else "unchanged"
    return "worse" if high < 0 else "better" if low > 0 else "undecided"
