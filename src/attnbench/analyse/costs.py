"""What the variants cost: counted, and measured on one machine."""

import pandas as pd

from attnbench import records
from attnbench.analyse import statistics
from attnbench.analyse.stage_outputs import read_records
from attnbench.errors import UserError
from attnbench.records import CostRecord, LatencyRecord, LatencyRow
from attnbench.study import Study, StudyPaths
from attnbench.study.paths import repro

_COUNTS = [
    "parameters",
    "attention_parameters",
    "macs",
    "attention_macs",
    "pooling_operations",
    "elementwise_operations",
    "activation_bytes",
]


def load_costs(study: Study, paths: StudyPaths) -> list[CostRecord]:
    """Return the counted cost of each variant, in the order of params.yaml.

    Raises:
        UserError: a record is missing, or is that of another study or variant.
    """
    return read_records(study, "cost", CostRecord, {variant: paths.cost(variant) for variant in study.variants})


def cost_frame(study: Study, costs: list[CostRecord]) -> pd.DataFrame:
    """Return one row per variant: the counts, and parameters and MACs beyond the baseline's."""
    frame = pd.DataFrame([{"variant": record.variant, **record.model_dump(include=set(_COUNTS))} for record in costs])
    base = frame.set_index("variant").loc[study.baseline]
    frame["parameters_difference"] = frame["parameters"] - base["parameters"]
    frame["macs_difference"] = frame["macs"] - base["macs"]
    return frame[["variant", *_COUNTS, "parameters_difference", "macs_difference"]]


def load_latency(study: Study, paths: StudyPaths) -> LatencyRecord:
    """Return the measured times of all variants.

    Raises:
        UserError: the record is missing, is that of another study, lacks a variant or a batch size, or was not measured
            in the same rounds for all variants.
    """
    latency = records.read(paths.latency, LatencyRecord)
    advice = f"Measure it again with: {repro(study, ['latency'])}"
    records.require_of(latency, paths.latency, advice, study=study.name)
    lacking = [
        *_lacking(study, latency.inference, study.latency.batch_sizes),
        *(f"the training step of {name}" for name in _lacking(study, latency.training_step, [study.recipe.batch_size])),
    ]
    if lacking:
        raise UserError(f"{paths.latency} lacks {', '.join(lacking)}. {advice}")
    for rows in (latency.inference, latency.training_step):
        for size in dict.fromkeys(row.batch_size for row in rows):
            rounds = {
                " + ".join(str(len(process)) for process in row.round_ms) for row in rows if row.batch_size == size
            }
            if len(rounds) > 1:
                raise UserError(
                    f"{paths.latency} has {' and '.join(sorted(rounds))} rounds for variants at batch size {size}, so "
                    f"they are not paired. {advice}"
                )
    return latency


def _lacking(study: Study, rows: list[LatencyRow], batch_sizes: list[int]) -> list[str]:
    measured = {(row.variant, row.batch_size) for row in rows}
    return [
        f"{variant} at batch size {size}"
        for variant in study.variants
        for size in batch_sizes
        if (variant, size) not in measured
    ]


def latency_frame(study: Study, latency: LatencyRecord) -> pd.DataFrame:
    """Return one row per batch size and variant, of the times of inference (columns: see `_time_frame`)."""
    return _time_frame(study, latency.inference, study.latency.batch_sizes)


def training_step_frame(study: Study, latency: LatencyRecord) -> pd.DataFrame:
    """Return one row per variant, of the times of a training step (columns: see `_time_frame`)."""
    return _time_frame(study, latency.training_step, [study.recipe.batch_size])


def _time_frame(study: Study, rows: list[LatencyRow], batch_sizes: list[int]) -> pd.DataFrame:
    """Return one row per batch size and variant: times in milliseconds, and the ratio to the baseline's.

    `ratio`, with the ends `ratio_low` and `ratio_high` of its interval at the study's confidence, is that of
    `statistics.time_ratio`; the ends are empty for the baseline and where one process measured. Rows of variants or
    batch sizes that the study no longer has are dropped.
    """
    measured = {(row.variant, row.batch_size): row for row in rows}
    times = []
    for size in batch_sizes:
        base = measured[study.baseline, size]
        for variant in study.variants:
            row = measured[variant, size]
            ratio = ratio_columns(row.round_ms, base.round_ms, study.confidence)
            times.append({**row.model_dump(exclude={"round_ms"}), **ratio})
    return pd.DataFrame(times)


def ratio_columns(times: list[list[float]], others: list[list[float]], confidence: float) -> dict[str, float]:
    """Return the columns of a row for the ratio of two times, which were measured in the same rounds."""
    ratio = statistics.time_ratio(times, others, confidence)
    return {
        "ratio": ratio.value,
        "ratio_low": ratio.low,
        "ratio_high": ratio.high,
        "rounds": ratio.rounds,
        "processes": ratio.processes,
    }
