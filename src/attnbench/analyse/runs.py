"""The recorded runs of a study; missing or outdated records are an error.

Records of runs that params.yaml no longer names stay in git and are ignored.
"""

from collections.abc import Iterator

import pandas as pd

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, Environment, RunRecord
from attnbench.study import Study, StudyPaths, run_name
from attnbench.study.paths import repro


def load_runs(study: Study, paths: StudyPaths) -> list[RunRecord]:
    """Return the records of all variants and seeds, variants in the order of params.yaml, then seeds.

    Raises:
        UserError: records are missing or unreadable, or were made for another study, variant or seed, from different
            images, code or values of params.yaml. The text names each run, the reason, and what to type.
    """
    missing = [run_name(*run) for run in study.runs() if not paths.record(*run).is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(study.runs())} runs of study {study.name!r} are missing: "
            f"{', '.join(missing)}. Make them with: {repro(study, [f'train@{name}' for name in missing])}"
        )
    runs = [records.read(paths.record(*run), RunRecord) for run in study.runs()]
    _refuse_foreign(study, paths, runs)
    return runs


def _refuse_foreign(study: Study, paths: StudyPaths, runs: list[RunRecord]) -> None:
    data = records.read(paths.data_summary, DataSummary)
    code = {variant: records.code_sha256(paths.code("train", variant)) for variant in study.variants}
    foreign: dict[str, str] = {}
    for (variant, seed), run in zip(study.runs(), runs, strict=True):
        name = run_name(variant, seed)
        if other := records.other_owner(run, study=study.name, run=name):
            reasons = [f"it {other}"]
        else:
            reasons = [*_other_origins(study, paths, data, code[variant], run), *_other_classes(run, data)]
        if reasons:
            foreign[name] = "; ".join(reasons)
    if foreign:
        lines = [f"  {paths.runs / f'{name}.json'}: {reason}" for name, reason in foreign.items()]
        raise UserError(
            f"{len(foreign)} of the {len(runs)} runs do not belong to study {study.name!r} as it is now:\n"
            + "\n".join(lines)
            + f"\nMake them again with: {repro(study, [f'train@{name}' for name in foreign])}"
        )


def _other_origins(study: Study, paths: StudyPaths, data: DataSummary, code: str, run: RunRecord) -> Iterator[str]:
    """Yield what the run was made from that is not the study's; the machine does not matter."""
    params = records.params_sha256(study, run.variant)
    current = run.identity.model_copy(update={"data": data.sha256, "code": code, "params": params})
    sources = {"data": paths.data_summary, "code": paths.code("train", run.variant), "params": study.params}
    for difference in run.identity.differences(current, environment=False):
        yield (
            f"made from different {difference.name} (SHA-256 {difference.first[:12]}, "
            f"but {sources[difference.field]} has {difference.second[:12]})"
        )


def _other_classes(run: RunRecord, data: DataSummary) -> Iterator[str]:
    if set(run.per_class_accuracy) != set(data.classes):
        yield f"its classes are {sorted(run.per_class_accuracy)}, those of the images {sorted(data.classes)}"


def environment_frame(runs: list[RunRecord]) -> pd.DataFrame:
    """Return one row per environment: its facts, how many runs were made in it, and which; the most frequent first."""
    names: dict[Environment, list[str]] = {}
    for run in runs:
        names.setdefault(run.identity.environment, []).append(run_name(run.variant, run.seed))
    ordered = sorted(names.items(), key=lambda item: -len(item[1]))
    return pd.DataFrame(
        [{**environment.model_dump(), "n": len(group), "runs": " ".join(group)} for environment, group in ordered]
    )
