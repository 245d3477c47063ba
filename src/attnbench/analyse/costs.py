"""What the variants cost: counted, and measured on one machine."""

import numpy as np
import pandas as pd

from attnbench import records
from attnbench.analyse import statistics
from attnbench.errors import UserError, listed
from attnbench.records import CostRecord, LatencyRecord, TimingRecord
from attnbench.study import Study, StudyPaths, run_name
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
_TIMES = ["seconds_per_epoch", "images_per_second", "total_seconds", "cores", "load_average"]


def load_costs(study: Study, paths: StudyPaths) -> list[CostRecord]:
    """Return the counted cost of each variant, in the order of params.yaml.

    Raises:
        UserError: a record is missing, or is that of another study or variant.
    """
    missing = [variant for variant in study.variants if not paths.cost(variant).is_file()]
    if missing:
        command = repro(study, [f"cost@{variant}" for variant in missing])
        raise UserError(f"the cost of {listed(missing)} is missing. Count it with: {command}")
    costs = [records.read(paths.cost(variant), CostRecord) for variant in study.variants]
    for variant, record in zip(study.variants, costs, strict=True):
        advice = f"Count it again with: {repro(study, [f'cost@{variant}'])}"
        records.require_of(record, paths.cost(variant), advice, study=study.name, variant=variant)
    return costs


def cost_frame(study: Study, costs: list[CostRecord]) -> pd.DataFrame:
    """Return one row per variant: the counts, and parameters and MACs beyond the baseline's."""
    frame = pd.DataFrame([{"variant": record.variant, **record.model_dump(include=set(_COUNTS))} for record in costs])
    base = frame.set_index("variant").loc[study.baseline]
    frame["parameters_difference"] = frame["parameters"] - base["parameters"]
    frame["macs_difference"] = frame["macs"] - base["macs"]
    return frame[["variant", *_COUNTS, "parameters_difference", "macs_difference"]]


def load_latency(study: Study, paths: StudyPaths) -> LatencyRecord:
    """Return the measured latency of all variants.

    Raises:
        UserError: the record is missing, is that of another study, or lacks a variant or a batch size.
    """
    latency = records.read(paths.latency, LatencyRecord)
    advice = f"Measure it again with: {repro(study, ['latency'])}"
    records.require_of(latency, paths.latency, advice, study=study.name)
    required = {(variant, size) for variant in study.variants for size in study.latency.batch_sizes}
    lacking = sorted(required - {(row.variant, row.batch_size) for row in latency.rows})
    if lacking:
        names = ", ".join(f"{variant} at batch size {size}" for variant, size in lacking)
        raise UserError(f"{paths.latency} lacks {names}. {advice}")
    return latency


def latency_frame(study: Study, latency: LatencyRecord) -> pd.DataFrame:
    """Return one row per batch size and variant: times in milliseconds, and the ratio to the baseline's.

    `ratio` is the median over the rounds, `ratio_low` and `ratio_high` are the ends of its interval at the study's
    confidence. Rows of variants or batch sizes that the study no longer has are dropped.
    """
    measured = {(row.variant, row.batch_size): row for row in latency.rows}
    rows = []
    for size in study.latency.batch_sizes:
        base = measured[study.baseline, size]
        for variant in study.variants:
            row = measured[variant, size]
            ratio = ratio_columns(row.round_ms, base.round_ms, study.confidence)
            rows.append({**row.model_dump(exclude={"round_ms"}), **ratio})
    return pd.DataFrame(rows)


def ratio_columns(times: list[float], others: list[float], confidence: float) -> dict[str, float]:
    """Return the columns of a row for the ratio of two latencies, which were measured in the same rounds."""
    ratio = statistics.median_ratio(times, others, confidence)
    return {"ratio": ratio.value, "ratio_low": ratio.low, "ratio_high": ratio.high, "rounds": ratio.n}


def load_timings(study: Study, paths: StudyPaths) -> list[TimingRecord]:
    """Return the timing of every run.

    Raises:
        UserError: a record is missing, or is that of another run.
    """
    missing = [run_name(*run) for run in study.runs() if not paths.timing(*run).is_file()]
    if missing:
        command = repro(study, [f"train@{name}" for name in missing])
        raise UserError(f"the timing of {', '.join(missing)} is missing. Train again with: {command}")
    timings = [records.read(paths.timing(*run), TimingRecord) for run in study.runs()]
    for run, record in zip(study.runs(), timings, strict=True):
        advice = f"Train again with: {repro(study, [f'train@{run_name(*run)}'])}"
        records.require_of(record, paths.timing(*run), advice, study=study.name, run=run_name(*run))
    return timings


def time_frame(study: Study, timings: list[TimingRecord]) -> pd.DataFrame:
    """Return one row per variant: medians over its runs, and n, their number."""
    rows = [
        record.model_dump(include={"variant", *_TIMES}) | {"seconds_per_epoch": np.median(record.seconds_per_epoch)}
        for record in timings
    ]
    groups = pd.DataFrame(rows).groupby("variant")
    frame = groups[_TIMES].median().assign(n=groups.size())
    return frame.loc[list(study.variants)].reset_index()
