"""What the variants cost: counted, and measured on one machine."""

import pandas as pd

from attnbench import records
from attnbench.errors import UserError, listed
from attnbench.records import CostRecord, LatencyRecord, RunRecord, TimingRecord
from attnbench.study.commands import repro
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Study

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
    missing = [variant for variant in study.variants if not paths.cost(variant).is_file()]
    if missing:
        command = repro(study, [f"cost@{variant}" for variant in missing])
        raise UserError(f"the cost of {listed(missing)} is missing. Count it with: {command}")
    found = [records.read(paths.cost(variant), CostRecord) for variant in study.variants]
    for variant, record in zip(study.variants, found, strict=True):
        if (record.study, record.variant) != (study.name, variant):
            raise UserError(
                f"{paths.cost(variant)} is the cost of variant {record.variant!r} of study {record.study!r}. "
                f"Count it anew with: {repro(study, [f'cost@{variant}'])}"
            )
    return found


def load_latency(study: Study, paths: StudyPaths) -> LatencyRecord:
    """Return the measured latency of all variants.

    Raises:
        UserError: the record is missing, is that of another study or baseline, or lacks a variant or a batch size.
    """
    found = records.read(paths.latency, LatencyRecord)
    again = f"Measure it anew with: {repro(study, ['latency'])}"
    if (found.study, found.baseline) != (study.name, study.baseline):
        raise UserError(f"{paths.latency} is of study {found.study!r} and baseline {found.baseline!r}. {again}")
    wanted = {(variant, size) for variant in study.variants for size in study.latency.batch_sizes}
    lacking = sorted(wanted - {(row.variant, row.batch_size) for row in found.rows})
    if lacking:
        names = ", ".join(f"{variant} at batch size {size}" for variant, size in lacking)
        raise UserError(f"{paths.latency} lacks {names}. {again}")
    return found


def cost_frame(study: Study, costs: list[CostRecord]) -> pd.DataFrame:
    """Return one row per variant: the counts, and parameters and MACs beyond the baseline's."""
    frame = pd.DataFrame([{"variant": record.variant, **record.model_dump(include=set(_COUNTS))} for record in costs])
    base = frame.set_index("variant").loc[study.baseline]
    frame["parameters_difference"] = frame["parameters"] - base["parameters"]
    frame["macs_difference"] = frame["macs"] - base["macs"]
    return frame[["variant", *_COUNTS, "parameters_difference", "macs_difference"]]


def latency_frame(study: Study, latency: LatencyRecord) -> pd.DataFrame:
    """Return one row per variant and batch size, in the order of params.yaml; leftover rows are dropped."""
    rows = {(row.variant, row.batch_size): row.model_dump(exclude={"round_ms"}) for row in latency.rows}
    return pd.DataFrame([rows[variant, size] for size in study.latency.batch_sizes for variant in study.variants])


def load_timings(study: Study, paths: StudyPaths, runs: list[RunRecord]) -> list[TimingRecord]:
    """Return the timing of those runs that have one; a timing is no output of the graph and may be missing."""
    wanted = {(study.name, run.variant, run.seed): paths.timing(run.variant, run.seed) for run in runs}
    found = {run: records.read(path, TimingRecord) for run, path in wanted.items() if path.is_file()}
    return [record for run, record in found.items() if (record.study, record.variant, record.seed) == run]


def time_frame(study: Study, timings: list[TimingRecord]) -> pd.DataFrame:
    """Return one row per variant: medians over its runs, and n, the number of runs with a timing (0: all NaN)."""
    columns = ["seconds_per_epoch", "images_per_second", "total_seconds", "cores", "load_average"]
    rows = [
        {
            "variant": record.variant,
            "seconds_per_epoch": float(pd.Series(record.seconds_per_epoch).median()),
            **record.model_dump(include=set(columns[1:])),
        }
        for record in timings
    ]
    frame = pd.DataFrame(rows, columns=["variant", *columns])
    medians = frame.astype(dict.fromkeys(columns, "float64")).groupby("variant")[columns].median()
    counts = frame.groupby("variant").size().reindex(list(study.variants), fill_value=0)
    return medians.reindex(list(study.variants)).assign(n=counts).reset_index(names="variant")
