"""What is lost when the modules of a trained network do not see the image: gates frozen, or shuffled over images."""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from attnbench.analyse import statistics
from attnbench.analyse.stage_outputs import again, read_evaluations
from attnbench.errors import UserError
from attnbench.records import AblationRecord, RunRecord, SlotAblation
from attnbench.study import Study, StudyPaths, attention, run_name

_KINDS = ("frozen", "shuffled")
_STATISTICS = ["factor", "factor_spread", "saturated", "dead"]
_COLUMNS = [
    *("variant", "n", "accuracy"),
    *(f"{kind}_{column}" for kind in _KINDS for column in ("mean", "std", "low", "high", "verdict")),
    *_STATISTICS,
]
_SLOT_COLUMNS = ["variant", "slot", "quantity", "mean", "spread", *_STATISTICS, "hidden_units"]


def load_ablations(study: Study, paths: StudyPaths, runs: Sequence[RunRecord]) -> list[AblationRecord]:
    """Return the ablation of every run, in the order of the runs.

    Raises:
        UserError: a record is missing, is that of another run, was made from other weights, or lacks the slots of the
            variant.
    """
    ablations = read_evaluations(study, paths, "ablate", AblationRecord, paths.ablation, runs)
    slots: dict[str, object] = {}
    for run, ablation in zip(runs, ablations, strict=True):
        path, advice = paths.ablation(run.variant, run.seed), again(study, "ablate", run_name(run.variant, run.seed))
        values = (ablation.frozen_accuracy, ablation.shuffled_accuracy, *ablation.slots)
        if study.variants[run.variant].attention != attention.NONE and (None in values or not ablation.slots):
            raise UserError(f"{path} is that of a network without modules, which {run.variant!r} has. {advice}")
        own = [(slot.slot, *slot.quantities, slot.hidden_units) for slot in ablation.slots]
        if slots.setdefault(run.variant, own) != own:
            raise UserError(f"{path} has other slots than the other seeds of {run.variant!r}. {advice}")
    return ablations


def frames(study: Study, ablations: list[AblationRecord]) -> dict[str, pd.DataFrame]:
    """Return the two tables by name; they have no rows in a study without modules.

    The changes of all variants, frozen and shuffled, are one family of simultaneous intervals.
    """
    groups = {
        variant: [record for record in ablations if record.variant == variant]
        for variant, settings in study.variants.items()
        if settings.attention != attention.NONE
    }
    by_seed = [[_by_seed(group, kind) for kind in _KINDS] for group in groups.values()]
    family = statistics.change_comparisons(by_seed, study.confidence) if groups else []
    rows = [_row(*item, changes) for item, changes in zip(groups.items(), family, strict=True)]
    slots = [row for variant, group in groups.items() for row in _slot_rows(variant, group)]
    return {
        "ablation": pd.DataFrame(rows, columns=_COLUMNS),
        "ablation_slots": pd.DataFrame(slots, columns=_SLOT_COLUMNS),
    }


def _row(variant: str, group: list[AblationRecord], changes: list[statistics.Comparison]) -> dict[str, Any]:
    """Return the row of a variant: accuracy as trained, and what freezing and shuffling change, paired by seed.

    The statistics of the gates are means over slots and seeds: see `_statistics`.
    """
    accuracy = statistics.mean_std([record.accuracy for record in group]).mean
    row: dict[str, Any] = {"variant": variant, "n": len(group), "accuracy": accuracy}
    for kind, change in zip(_KINDS, changes, strict=True):
        row |= {f"{kind}_mean": change.difference, f"{kind}_std": statistics.mean_std(_by_seed(group, kind)).std}
        row |= {f"{kind}_{column}": getattr(change, column) for column in ("low", "high", "verdict")}
    return row | _statistics([slot for record in group for slot in record.slots])


def _by_seed(group: list[AblationRecord], kind: str) -> list[float]:
    """Return the accuracy with frozen or shuffled gates minus that as trained, for every seed."""
    return [getattr(record, f"{kind}_accuracy") - record.accuracy for record in group]


def _slot_rows(variant: str, group: list[AblationRecord]) -> list[dict[str, Any]]:
    """Return one row per slot and quantity, such as `channel` and `spatial` of CBAM: means over the seeds."""
    return [
        {
            "variant": variant,
            "slot": slots[0].slot,
            "quantity": name,
            "mean": _mean(slot.quantities[name].mean for slot in slots),
            "spread": _mean(slot.quantities[name].spread for slot in slots),
            **_statistics(slots, [name]),
            "hidden_units": slots[0].hidden_units,
        }
        for slots in zip(*(record.slots for record in group), strict=True)
        for name in slots[0].quantities
    ]


def _statistics(slots: Sequence[SlotAblation], quantities: Sequence[str] | None = None) -> dict[str, float]:
    """Return mean and spread of s in y = x * s, and shares of saturated values and of dead hidden units.

    `saturated` is that of the named quantities, by default of all. A number is NaN if no slot has it: a factor if the
    module is no product, saturated values of a term, hidden units if there is no ReLU.
    """
    factors = [slot.factor for slot in slots if slot.factor]
    saturated = [slot.quantities[name].saturated for slot in slots for name in quantities or slot.quantities]
    hidden = sum(slot.hidden_units for slot in slots)
    return {
        "factor": _mean(factor.mean for factor in factors),
        "factor_spread": _mean(factor.spread for factor in factors),
        "saturated": _mean(share for share in saturated if share is not None),
        "dead": sum(slot.dead_units for slot in slots) / hidden if hidden else math.nan,
    }


def _mean(values: Iterable[float]) -> float:
    """Return the mean of the values, NaN if there is none."""
    known = list(values)
    return statistics.mean_std(known).mean if known else math.nan
