"""Repeat recorded runs in a temporary folder, and compare their outputs with dvc.lock, byte for byte."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from attnbench import records
from attnbench.compare.recorded_runs import RecordedRun, choose, recorded_runs
from attnbench.compare.repeat import Repetition, repetition
from attnbench.compare.repeated_run import FAILED, RunVerdict, foreign, judge
from attnbench.errors import UserError
from attnbench.records import DataSummary, RunRecord
from attnbench.records.lock import md5_of, read_lock
from attnbench.run.jobs import say
from attnbench.study import StudyPaths, repository
from attnbench.study.paths import relative_to_cwd


def verify(name: str | None, count: int, folder: Path) -> bool:
    """Repeat `count` (at least 1) recorded runs of a study, all if there are fewer; return whether each is as recorded.

    Without a name, the study is the root's. `folder` is any folder of the repository, in which nothing changes but
    the logs in work/<study>/verify.

    Raises:
        UserError: no such study, an invalid params.yaml, no recorded run, or images that are not those of the records.
    """
    located = repository.locate(name, folder)
    study = located.study
    locked, images = _read_lock(relative_to_cwd(located.lock), study.name)
    variants = recorded_runs(study, located.root, locked)
    runs = choose(variants, count)
    if not runs:
        raise UserError(f"{StudyPaths(study.name).runs} has no run that is also in dvc.lock; {_advice(study.name)}")
    say(f"{study.name}: repeating {len(runs)} of {sum(map(len, variants))} recorded runs in a temporary folder")
    with repetition(located) as scratch:
        verdicts = _foreign_runs(scratch, runs)
        repeated = [run for run in runs if run.name not in verdicts]
        if repeated:
            scratch.provide_images(images)
        succeeded = scratch.run_stage("train", [[run.record.variant, str(run.record.seed)] for run in repeated])
        for run, success in zip(repeated, succeeded, strict=True):
            verdicts[run.name] = _judge(scratch, run, _accuracies_like(run, variants), success, len(repeated))
    return _conclude(study.name, [verdicts[run.name] for run in runs])


def _read_lock(path: Path, name: str) -> tuple[dict[str, dict[str, str]], str]:
    """Return the outputs of all stages in a dvc.lock, and the MD5 of the prepared images."""
    prepared = StudyPaths(name).prepared.as_posix()
    try:
        stages = read_lock(path)
        return stages, stages["data"][prepared]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist, so nothing is recorded; {_advice(name)}") from None
    except KeyError:
        raise UserError(f"{path} does not have {prepared}, so nothing can be repeated; {_advice(name)}") from None


def _advice(name: str) -> str:
    return f"run the study first: attnbench run {name}"


def _foreign_runs(scratch: Repetition, runs: Sequence[RecordedRun]) -> dict[str, RunVerdict]:
    """Return by name the verdicts on the runs that were made from other inputs than those here."""
    study, located = scratch.study, scratch.located
    data = records.read(located.paths.data_summary, DataSummary).sha256
    code = scratch.fingerprint_code()
    verdicts = {}
    for run in runs:
        variant = run.record.variant
        changed = run.record.identity.changed_inputs(study, variant, data=data, code=code[variant])
        verdicts[run.name] = foreign(run, changed, md5_of(located.root / run.record_path))
    return {name: verdict for name, verdict in verdicts.items() if verdict}


def _accuracies_like(run: RecordedRun, variants: Sequence[Sequence[RecordedRun]]) -> list[float]:
    """Return the recorded accuracies of the run and of all that differ from it only in the seed and the machine."""
    return [
        other.record.accuracy
        for runs in variants
        for other in runs
        if other.record.variant == run.record.variant
        and not other.record.identity.differences(run.record.identity, environment=False)
    ]


def _judge(scratch: Repetition, run: RecordedRun, accuracies: Sequence[float], success: bool, count: int) -> RunVerdict:
    if not success:
        return RunVerdict(run.name, FAILED, f"its training failed; see {scratch.logs / f'train@{run.name}.txt'}")
    differing = [path for path, md5 in run.repeatable.items() if not _has_md5(scratch.folder / path, md5)]
    record = records.read(scratch.folder / run.record_path, RunRecord)
    return judge(run, record, differing, accuracies, scratch.study.confidence, count)


def _has_md5(path: Path, md5: str) -> bool:
    return path.is_file() and md5_of(path) == md5


def _conclude(name: str, verdicts: Sequence[RunVerdict]) -> bool:
    """Print each verdict and a summary; return whether all runs are as recorded."""
    for verdict in verdicts:
        say(str(verdict))
    failed = [verdict.run for verdict in verdicts if not verdict.verified]
    if failed:
        say(f"{name}: {len(failed)} of {len(verdicts)} not verified: {', '.join(failed)}")
    else:
        words = Counter(verdict.word for verdict in verdicts)
        say(f"{name}: {len(verdicts)} verified: {', '.join(f'{count} {word}' for word, count in words.items())}")
    return not failed
