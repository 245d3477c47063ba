"""The recorded runs of a study, seed by seed.

A seed is a block: it counts with the runs of all variants, made from what the study is now on one class of machine, or
not at all. So a study can be analysed while it grows. Records of runs that params.yaml no longer names stay in git and
are ignored.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, Environment, RunRecord
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro


@dataclass(frozen=True)
class LeftOut:
    """A run that keeps its seed out of the analysis."""

    seed: int
    run: str
    reason: str  # empty: it has no record
    forced: bool  # whether DVC has to be forced to train it again, since for DVC nothing has changed


@dataclass(frozen=True)
class Blocks:
    """The complete seeds of a study, and why the others are left out."""

    study: Study  # with the complete seeds only
    runs: list[RunRecord]  # variants in the order of params.yaml, then seeds
    left_out: list[LeftOut]  # by seed, then variants in the order of params.yaml


def load_blocks(study: Study, paths: StudyPaths) -> Blocks:
    """Return the runs of all complete seeds, and what keeps the others out.

    Raises:
        UserError: no seed is complete, or a record cannot be read. The text names the runs and what to type.
    """
    data = records.read(paths.data_summary, DataSummary)
    code = {variant: records.code_sha256(paths.code("train", variant)) for variant in study.variants}
    complete: dict[int, dict[str, RunRecord]] = {}
    left_out: list[LeftOut] = []
    for seed in study.seeds:
        block, problems = _block(study, paths, data, code, seed)
        left_out += problems
        if not problems:
            complete[seed] = block
    if not complete:
        raise UserError(_nothing_complete(study, left_out))
    usable = study.model_copy(update={"seeds": list(complete)})
    return Blocks(usable, [complete[seed][variant] for variant, seed in usable.runs()], left_out)


def _block(
    study: Study, paths: StudyPaths, data: DataSummary, code: dict[str, str], seed: int
) -> tuple[dict[str, RunRecord], list[LeftOut]]:
    """Return the usable records of a seed by variant, and the runs that have none."""
    block: dict[str, RunRecord] = {}
    reasons: dict[str, str] = {}
    for variant in study.variants:
        path = paths.record(variant, seed)
        run = records.read(path, RunRecord) if path.is_file() else None
        if run is None:
            reasons[variant] = ""
        elif foreign := "; ".join(_foreign(study, paths, data, code[variant], run, variant, seed)):
            reasons[variant] = foreign
        else:
            block[variant] = run
    other_machines = _other_machines(block)
    reasons |= other_machines
    return block, [
        LeftOut(seed, run_name(variant, seed), reasons[variant], forced=variant in other_machines)
        for variant in study.variants
        if variant in reasons
    ]


def _foreign(
    study: Study, paths: StudyPaths, data: DataSummary, code: str, run: RunRecord, variant: str, seed: int
) -> Iterator[str]:
    """Yield why a record is not that of the run as the study is now; the machine does not matter here."""
    if other := records.other_owner(run, study=study.name, run=run_name(variant, seed)):
        yield f"its record {other}"
        return
    sources = {"data": paths.data_summary, "code": paths.code("train", variant), "params": study.params}
    for difference in run.identity.changed_inputs(study, variant, data=data.sha256, code=code):
        yield (
            f"made from different {difference.name} (SHA-256 {difference.first[:12]}, "
            f"but {sources[difference.field]} has {difference.second[:12]})"
        )
    if set(run.per_class_accuracy) != set(data.classes):
        yield f"its classes are {sorted(run.per_class_accuracy)}, those of the images {sorted(data.classes)}"


def _other_machines(block: dict[str, RunRecord]) -> dict[str, str]:
    """Return variant -> reason for the runs of a seed that do not come from its most frequent class of machine."""
    environments = {variant: run.identity.environment for variant, run in block.items()}
    if len(set(environments.values())) < 2:
        return {}
    ((usual, count),) = Counter(environments.values()).most_common(1)  # of equally many the first
    one = next(run_name(run.variant, run.seed) for run in block.values() if run.identity.environment == usual)
    reasons = {}
    for variant, environment in environments.items():
        if differences := environment.differences(usual):
            facts = ", ".join(f"{fact.name} {fact.first} instead of {fact.second}" for fact in differences)
            reasons[variant] = (
                f"made on another class of machine than {one}, which {count} of {len(block)} usable runs of the seed "
                f"share ({facts})"
            )
    return reasons


def _nothing_complete(study: Study, left_out: Sequence[LeftOut]) -> str:
    missing = [row.run for row in left_out if not row.reason]
    lines = [f"no seed of study {study.name!r} has usable runs of all variants, so nothing can be compared:"]
    lines += [f"  no record of {', '.join(missing)}"] if missing else []
    lines += [f"  {row.run}: {row.reason}" for row in left_out if row.reason]
    if not all(row.forced for row in left_out):
        lines.append(f"Train them with: attnbench run {study.name} --allow-missing")
    if stages := [f"train@{row.run}" for row in left_out if row.forced]:
        lines.append(f"On the class of machine of the other runs, train with: {repro(study, stages, force=True)}")
    return "\n".join(lines)


def left_out_frame(left_out: Sequence[LeftOut]) -> pd.DataFrame:
    """Return one row per run that keeps its seed out; an empty `reason` means that there is no record."""
    return pd.DataFrame([asdict(row) for row in left_out], columns=[field.name for field in fields(LeftOut)])


def environment_frame(runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per class of machine: its facts, its seeds and how many runs they have; most seeds first."""
    seeds: dict[Environment, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.identity.environment, []).append(run.seed)
    ordered = sorted(seeds.items(), key=lambda item: -len(item[1]))
    return pd.DataFrame(
        [
            {**environment.model_dump(), "n": len(group), "seeds": " ".join(map(str, dict.fromkeys(group)))}
            for environment, group in ordered
        ]
    )
