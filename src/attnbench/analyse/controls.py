"""Variants with a module against their controls: null controls, and wider networks of equal cost.

A null control (`constant` or `static`) is a gate in the same slots that does not see its input. A wider network has no
module, but as many parameters as the variant, or its latency; one network may have both. The comparisons with all
controls are one family, separate from the comparisons with the baseline.
"""

from dataclasses import dataclass

import pandas as pd

from attnbench.analyse.accuracy import accuracies, compared
from attnbench.analyse.costs import ratio_columns
from attnbench.records import CostRecord, LatencyRecord, RunRecord
from attnbench.study import Study


@dataclass(frozen=True)
class ControlPair:
    """A variant with a module, and a control of it."""

    variant: str
    control: str
    kinds: tuple[str, ...]  # "constant" or "static"; of a wider network "parameters", "latency" or both


def pairs(study: Study) -> list[ControlPair]:
    """Return the comparisons that a study asks for, each once, in the order of params.yaml."""
    kinds: dict[tuple[str, str], list[str]] = {}
    for variant, control in study.controls.items():
        for kind, name in control.model_dump(exclude_none=True).items():
            kinds.setdefault((variant, name), []).append(kind)
    return [ControlPair(variant, control, tuple(names)) for (variant, control), names in kinds.items()]


def frames(
    study: Study, runs: list[RunRecord], costs: list[CostRecord], latency: LatencyRecord
) -> dict[str, pd.DataFrame]:
    """Return the tables of the controls by name; none where the study has no controls."""
    if not study.controls:
        return {}
    return {
        "controls": controls_frame(study, runs, costs),
        "control_costs": control_costs_frame(study, costs),
        "control_by_seed": control_by_seed_frame(study, runs),
        "control_latency": control_latency_frame(study, latency),
    }


def controls_frame(study: Study, runs: list[RunRecord], costs: list[CostRecord]) -> pd.DataFrame:
    """Return one row per pair: the difference in accuracy, variant minus control, and counted costs as ratios.

    `kind` is what the control is for, `parameters latency` if it is for both; the columns of the difference are those
    of the table of differences to the baseline, with Holm's correction over these pairs. A ratio is the control's cost
    to the variant's.
    """
    by_name = {record.variant: record for record in costs}
    differences = compared(study, runs, [(pair.variant, pair.control) for pair in pairs(study)])
    rows = []
    for pair, difference in zip(pairs(study), differences, strict=True):
        variant, control = by_name[pair.variant], by_name[pair.control]
        rows.append(
            {
                "variant": pair.variant,
                "control": pair.control,
                "kind": " ".join(pair.kinds),
                **difference,
                "parameters_ratio": control.parameters / variant.parameters,
                "macs_ratio": control.macs / variant.macs,
            }
        )
    return pd.DataFrame(rows)


def control_costs_frame(study: Study, costs: list[CostRecord]) -> pd.DataFrame:
    """Return one row per pair: what the control is for, and its counted costs as ratios to the variant's."""
    by_name = {record.variant: record for record in costs}
    return pd.DataFrame(
        [
            {
                "variant": pair.variant,
                "control": pair.control,
                "kind": " ".join(pair.kinds),
                "parameters_ratio": by_name[pair.control].parameters / by_name[pair.variant].parameters,
                "macs_ratio": by_name[pair.control].macs / by_name[pair.variant].macs,
            }
            for pair in pairs(study)
        ]
    )


def control_by_seed_frame(study: Study, runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per pair and seed: variant minus control of that seed."""
    accuracy = accuracies(study, runs)
    rows = [
        {"variant": pair.variant, "control": pair.control, "seed": seed, "difference": variant - control}
        for pair in pairs(study)
        for seed, variant, control in zip(study.seeds, accuracy[pair.variant], accuracy[pair.control], strict=True)
    ]
    return pd.DataFrame(rows)


def control_latency_frame(study: Study, latency: LatencyRecord) -> pd.DataFrame:
    """Return one row per pair and batch size: the control's time to the variant's, as in the table of latency."""
    times = {(row.variant, row.batch_size): row.round_ms for row in latency.inference}
    rows = [
        {
            "variant": pair.variant,
            "control": pair.control,
            "batch_size": size,
            **ratio_columns(times[pair.control, size], times[pair.variant, size], study.confidence),
        }
        for pair in pairs(study)
        for size in study.latency.batch_sizes
    ]
    return pd.DataFrame(rows)
