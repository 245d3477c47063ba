"""The runs that a study names: all of them, and none that was made from anything else.

Records of runs that params.yaml no longer names stay in git and are ignored.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from attnbench import records
from attnbench.errors import UserError
from attnbench.records import DataSummary, RunRecord
from attnbench.study.commands import repro
from attnbench.study.paths import StudyPaths, run_name
from attnbench.study.schema import Study


def load_runs(study: Study, paths: StudyPaths) -> list[RunRecord]:
    """Return the records of all variants x seeds, variants in the order of params.yaml, seeds within.

    Raises:
        UserError: records are missing or unreadable, or were made for another study, variant or seed, from other
            images, other code or other values of params.yaml. The text names each run, the reason, and what to type.
    """
    pairs = [(variant, seed) for variant in study.variants for seed in study.seeds]
    missing = [run_name(*pair) for pair in pairs if not paths.record(*pair).is_file()]
    if missing:
        raise UserError(
            f"{len(missing)} of the {len(pairs)} runs of study {study.name!r} are missing: {', '.join(missing)}. "
            f"Make them with: {repro(study, [f'train@{name}' for name in missing])}"
        )
    runs = [records.read(paths.record(*pair), RunRecord) for pair in pairs]
    _refuse_foreign(study, paths, pairs, runs)
    return runs


def _refuse_foreign(study: Study, paths: StudyPaths, pairs: list[tuple[str, int]], runs: list[RunRecord]) -> None:
    data = records.read(paths.data_summary, DataSummary)
    wanted = {variant: _identity(study, paths, data, variant) for variant in study.variants}
    foreign: dict[str, str] = {}
    for (variant, seed), run in zip(pairs, runs, strict=True):
        if (run.study, run.variant, run.seed) != (study.name, variant, seed):
            reasons = [f"it is the record of run {run_name(run.variant, run.seed)} of study {run.study!r}"]
        else:
            reasons = [*_other_origins(run, wanted[variant]), *_other_classes(run, data)]
        if reasons:
            foreign[run_name(variant, seed)] = "; ".join(reasons)
    if foreign:
        lines = [f"  {paths.runs / f'{name}.json'}: {reason}" for name, reason in foreign.items()]
        raise UserError(
            f"{len(foreign)} of the {len(pairs)} runs do not belong to study {study.name!r} as it is now:\n"
            + "\n".join(lines)
            + f"\nMake them anew with: {repro(study, [f'train@{name}' for name in foreign])}"
        )


def _identity(study: Study, paths: StudyPaths, data: DataSummary, variant: str) -> dict[str, tuple[str, Path]]:
    """Return what the runs of a variant have to be made from: SHA-256 by field, and the file that says so."""
    code = paths.code("train", variant)
    return {
        "data": (data.sha256, paths.data_summary),
        "code": (_code(code), code),
        "params": (records.params_sha256(study, variant), Path(study.params)),
    }


def _other_origins(run: RunRecord, wanted: dict[str, tuple[str, Path]]) -> Iterator[str]:
    words = {"data": "images", "code": "code", "params": "values"}
    for field, (sha256, where) in wanted.items():
        found = getattr(run.identity, field)
        if found != sha256:
            yield f"made from other {words[field]} (SHA-256 {found[:12]}, but {where} has {sha256[:12]})"


def _other_classes(run: RunRecord, data: DataSummary) -> Iterator[str]:
    if set(run.per_class_accuracy) != set(data.classes):
        yield f"its classes are {sorted(run.per_class_accuracy)}, those of the images {sorted(data.classes)}"


def _code(path: Path) -> str:
    """Return the fingerprint of the code that a variant's training runs."""
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["sha256"])
    except FileNotFoundError:
        raise UserError(f"{path} is missing; `dvc repro` makes it") from None
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path} is no fingerprint of code ({error!r}); delete it and run `dvc repro`") from None
