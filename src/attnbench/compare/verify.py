"""Repeat recorded runs in a scratch folder, and compare what they leave with dvc.lock, byte for byte."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from attnbench import records
from attnbench.compare import lock, recorded
from attnbench.compare.recorded import Run
from attnbench.compare.scratch import Scratch, scratch
from attnbench.compare.verdict import FAILED, Verdict, foreign, judge
from attnbench.errors import UserError
from attnbench.records import RunRecord, params_sha256
from attnbench.run.jobs import say
from attnbench.study import repository
from attnbench.study.paths import StudyPaths, shown


def verify(name: str | None, count: int, here: Path) -> bool:
    """Repeat `count` recorded runs of a study, all if there are fewer; return whether each is as recorded.

    `name` is that of a study, None the one at the root; `here` is any folder of the repository, in which nothing
    changes but the logs in work/<study>/verify.

    Raises:
        UserError: no such study, a wrong params.yaml, nothing recorded, or images that are not those of the records.
    """
    if count < 1:
        raise UserError(f"--runs: given {count}; must be at least 1")
    found = repository.locate(name, here)
    root, params, plan = found.root, found.params, found.study
    locked, images = _locked(shown(params).with_name(repository.LOCK), plan.name)
    variants = recorded.runs(plan, root, locked)
    chosen = recorded.choose(variants, count)
    if not chosen:
        raise UserError(f"{StudyPaths(plan.name).runs} has no run that dvc.lock has too; {_advice(plan.name)}")
    say(f"{plan.name}: {len(chosen)} of {sum(map(len, variants))} recorded runs are repeated in a scratch folder")
    with scratch(root, params, plan) as place:
        verdicts = _verdicts(place, images, chosen, [run for variant in variants for run in variant], found.workers)
    return _concluded(plan.name, verdicts)


def _locked(path: Path, name: str) -> tuple[dict[str, lock.Entry], str]:
    """Return what a dvc.lock has of all stages, and the MD5 of the images."""
    images = StudyPaths(name).prepared.as_posix()
    try:
        entries = lock.read(path)
        return entries, entries["data"].writes[images]
    except FileNotFoundError:
        raise UserError(f"{path} does not exist, so nothing is recorded; {_advice(name)}") from None
    except KeyError:
        raise UserError(f"{path} does not have {images}, so nothing can be repeated; {_advice(name)}") from None


def _advice(name: str) -> str:
    return f"run the study first: make repro STUDY={name}, or attnbench run {name}"


def _verdicts(place: Scratch, images: str, chosen: Sequence[Run], known: Sequence[Run], workers: int) -> list[Verdict]:
    """Train what can be repeated, and return a verdict on each chosen run, in their order."""
    refused = _refused(place, images, chosen)
    repeated = [run for run in chosen if run.name not in refused]
    if repeated:
        place.images(images)
    ended = place.run("train", [[run.record.variant, str(run.record.seed)] for run in repeated], workers)
    judged = {run.name: _judged(place, run, known, done) for run, done in zip(repeated, ended, strict=True)}
    return [{**refused, **judged}[run.name] for run in chosen]


def _refused(place: Scratch, images: str, chosen: Sequence[Run]) -> dict[str, Verdict]:
    """Return the verdicts on the runs that were made from something else than what is here."""
    variants = list(dict.fromkeys(run.record.variant for run in chosen))
    code = place.code(variants)
    found = [
        foreign(
            run,
            code=code[run.record.variant],
            params=params_sha256(place.plan, run.record.variant),
            record=lock.md5_of(place.root / run.record_path),
            images=images,
        )
        for run in chosen
    ]
    return {each.run: each for each in found if each is not None}


def _judged(place: Scratch, run: Run, known: Sequence[Run], ended: bool) -> Verdict:
    if not ended:
        log = f"work/{place.plan.name}/verify/train@{run.name}.txt"
        return Verdict(run.name, FAILED, f"its training failed; see {log}")
    timing = StudyPaths(place.plan.name).timing(run.record.variant, run.record.seed).as_posix()  # never the same twice
    writes = {path: md5 for path, md5 in run.locked.writes.items() if path != timing}
    differing = [path for path, md5 in writes.items() if not _has(place.folder / path, md5)]
    new = records.read(place.folder / run.record_path, RunRecord)
    accuracies = [each.record.accuracy for each in known if _alike(each.record, run.record)]
    return judge(run, new, differing, accuracies, place.plan.confidence)


def _has(path: Path, md5: str) -> bool:
    return path.is_file() and lock.md5_of(path) == md5


def _alike(one: RunRecord, other: RunRecord) -> bool:
    """Return whether two runs differ in nothing but the seed, and perhaps the machine."""
    anywhere = [record.identity.model_dump(exclude={"environment"}) for record in (one, other)]
    return one.variant == other.variant and anywhere[0] == anywhere[1]


def _concluded(name: str, verdicts: Sequence[Verdict]) -> bool:
    """Say each verdict and a sum of them; return whether all runs are as recorded."""
    for each in verdicts:
        say(str(each))
    failed = [each.run for each in verdicts if not each.verified]
    if failed:
        say(f"{name}: {len(failed)} of {len(verdicts)} not verified: {', '.join(failed)}")
    else:
        words = Counter(each.word for each in verdicts)
        say(f"{name}: {len(verdicts)} verified: {', '.join(f'{count} {word}' for word, count in words.items())}")
    return not failed
