"""What a run repeated here says of the recorded one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from attnbench.analyse.statistics import prediction_interval
from attnbench.compare.recorded import Run
from attnbench.records import Environment, RunRecord
from attnbench.study.paths import StudyPaths

EQUAL = "EQUAL"
OTHER_CLASS = "OTHER CLASS"  # of machine; as far as it can be told there, the accuracy is one of the recorded kind
NOT_VERIFIED = ("DIFFERENT", "OUTSIDE", "UNKNOWN", "FOREIGN", "FAILED")
DIFFERENT, OUTSIDE, UNKNOWN, FOREIGN, FAILED = NOT_VERIFIED


@dataclass(frozen=True)
class Verdict:
    """One word on a run, and why."""

    run: str
    word: str
    text: str

    @property
    def verified(self) -> bool:
        """Whether the run is as recorded, as far as this machine can tell."""
        return self.word not in NOT_VERIFIED

    def __str__(self) -> str:
        return f"{self.run}: {self.word}: {self.text}"


def foreign(run: Run, *, code: str, params: str, record: str, images: str) -> Verdict | None:
    """Return why a run cannot be repeated here; None if it can.

    `code` and `params` are the SHA-256 that its record would have now, `record` is the MD5 of its record's file, and
    `images` that of the images which dvc.lock has now.
    """
    prepared = StudyPaths(run.record.study).prepared.as_posix()
    reasons = {
        "made by other code": run.record.identity.code != code,
        "made with other params": run.record.identity.params != params,
        "made from other images than dvc.lock has now": run.locked.reads.get(prepared) != images,
        "its record is not the one that dvc.lock has": run.locked.writes[run.record_path] != record,
    }
    given = [reason for reason, holds in reasons.items() if holds]
    if not given:
        return None
    text = (
        f"{', '.join(given)}; cannot be verified. Check out the commit of the record "
        f"(git log -1 -- {run.record_path}), or run the study: attnbench run {run.record.study}"
    )
    return Verdict(run.name, FOREIGN, text)


def judge(
    run: Run, new: RunRecord, differing: Sequence[str], accuracies: Sequence[float], confidence: float
) -> Verdict:
    """Return what the repeated run says.

    `differing` are the files, of those that dvc.lock has, with other bytes; `accuracies` are the recorded ones of this
    variant, 0..1, one for each seed, that were made from the same code, params and images.
    """
    recorded = run.record.identity.environment
    changed = _changed(recorded, new.identity.environment)
    count = f"{len(run.locked.writes)} files"
    if not differing:
        return Verdict(run.name, EQUAL, f"all {count} have the bytes that dvc.lock has")
    if list(differing) == [run.record_path] and _moved(new, recorded) == run.record:
        text = f"all {count} have the bytes that dvc.lock has, but for the machine in the record ({changed})"
        return Verdict(run.name, EQUAL, text)
    if not changed:
        names = ", ".join(PurePosixPath(path).name for path in differing)
        text = (
            f"the same class of machine, and other bytes in {names}; "
            "something is not deterministic, or writes its files in another way than then"
        )
        return Verdict(run.name, DIFFERENT, text)
    word, text = _accuracy(run.record.accuracy, new.accuracy, accuracies, confidence)
    return Verdict(run.name, word, f"another class of machine ({changed}); {text}")


def _changed(recorded: Environment, here: Environment) -> str:
    """Return the fields that differ with both values, as words; empty where none does."""
    pairs = {name: (value, getattr(here, name)) for name, value in recorded}
    return ", ".join(f"{name}: {then} recorded, {now} here" for name, (then, now) in pairs.items() if then != now)


def _moved(record: RunRecord, environment: Environment) -> RunRecord:
    """Return the record as if its run had been on another machine."""
    identity = record.identity.model_copy(update={"environment": environment})
    return record.model_copy(update={"identity": identity})


def _accuracy(then: float, now: float, recorded: Sequence[float], confidence: float) -> tuple[str, str]:
    both = f"accuracy {_percent(now)} here, {_percent(then)} recorded"
    low, high = prediction_interval(recorded, confidence)
    if math.isnan(low):
        return UNKNOWN, f"{both}; the spread over seeds is unknown, so nothing more can be said"
    inside = low <= now <= high
    span = f"{_percent(low)} to {_percent(high)}, where one more run than the {len(recorded)} recorded is expected"
    text = f"{both}; {'within' if inside else 'outside'} {span} (confidence {confidence:g})"
    return (OTHER_CLASS if inside else OUTSIDE), text


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
