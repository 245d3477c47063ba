"""What repeating a recorded run shows: one word and the reason."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from attnbench.analyse.statistics import prediction_interval
from attnbench.compare.recorded_runs import RecordedRun
from attnbench.records import Difference, RunRecord

EQUAL = "EQUAL"  # every byte
OTHER_CLASS = "OTHER CLASS"  # of machine, where an accuracy of the recorded kind is all that can be expected
NOT_VERIFIED = ("DIFFERENT", "OUTSIDE", "UNKNOWN", "FOREIGN", "FAILED")
DIFFERENT, OUTSIDE, UNKNOWN, FOREIGN, FAILED = NOT_VERIFIED
WIDE = 0.10  # a prediction interval of more than 10 points accepts networks of clearly different quality


@dataclass(frozen=True)
class RunVerdict:
    """One word on a run, and the reason."""

    run: str
    word: str
    reason: str

    @property
    def verified(self) -> bool:
        """Whether the run is as recorded, as far as this machine can show."""
        return self.word not in NOT_VERIFIED

    def __str__(self) -> str:
        return f"{self.run}: {self.word}: {self.reason}"


def foreign(run: RecordedRun, changed: Sequence[Difference], record_md5: str) -> RunVerdict | None:
    """Return why a run cannot be repeated here; None if it can.

    `changed` are the inputs that have changed since, `record_md5` is the MD5 of the record's file.
    """
    reasons = [f"made from different {difference.name}" for difference in changed]
    if run.outputs[run.record_path] != record_md5:
        reasons.append("its record is not the one in dvc.lock")
    if not reasons:
        return None
    reason = (
        f"{', '.join(reasons)}; it cannot be verified here. Check out the commit of the record "
        f"(git log -1 -- {run.record_path}), or run the study: attnbench run {run.record.study}"
    )
    return RunVerdict(run.name, FOREIGN, reason)


def judge(
    run: RecordedRun,
    new: RunRecord,
    differing: Sequence[str],
    accuracies: Sequence[float],
    confidence: float,
    count: int,
) -> RunVerdict:
    """Return the verdict on a run that was repeated.

    `new` is the record of the repetition, `differing` the paths of the repeatable outputs with other bytes than
    dvc.lock has. `accuracies` (0..1) are the recorded ones of all seeds of this variant with the same images, code
    and values. `confidence` is that of all `count` repeated runs together: each gets its share of the level, or one
    sound run in twenty would be called wrong.
    """
    files = f"all {len(run.repeatable)} files have the bytes in dvc.lock"
    if not differing:
        return RunVerdict(run.name, EQUAL, files)
    changes = run.record.identity.differences(new.identity)
    machines = ", ".join(f"{change.name}: {change.first} recorded, {change.second} here" for change in changes)
    if list(differing) == [run.record_path] and new.model_copy(update={"identity": run.record.identity}) == run.record:
        return RunVerdict(run.name, EQUAL, f"{files}, except for the machine in the record ({machines})")
    if not changes:
        names = ", ".join(PurePosixPath(path).name for path in differing)
        reason = (
            f"the same class of machine, but different bytes in {names}; "
            "something is not deterministic, files are now written differently than when the run was recorded, or "
            "another generation of processors has the same name (docs/running.md, What another machine changes)"
        )
        return RunVerdict(run.name, DIFFERENT, reason)
    word, reason = _accuracy(run.record.accuracy, new.accuracy, accuracies, confidence, count)
    return RunVerdict(run.name, word, f"another class of machine ({machines}); {reason}")


def _accuracy(
    recorded: float, repeated_accuracy: float, accuracies: Sequence[float], confidence: float, count: int
) -> tuple[str, str]:
    both = f"accuracy {_percent(repeated_accuracy)} here, {_percent(recorded)} recorded"
    low, high = prediction_interval(accuracies, 1 - (1 - confidence) / count)
    if math.isnan(low):
        return UNKNOWN, f"{both}; the spread over seeds is unknown, so nothing more can be said"
    together = "" if count == 1 else f" for all {count} repeated runs together"
    inside, points = low <= repeated_accuracy <= high, f"{100 * (high - low):.2f} points"
    reason = (
        f"{both}; {'within' if inside else 'outside'} {_percent(low)} to {_percent(high)}, where one more run is "
        f"expected after the {len(accuracies)} recorded (confidence {confidence:g}{together}; {points} wide)"
    )
    if inside and high - low > WIDE:
        reason += f". An interval of {points} excludes little, so this shows little; more seeds narrow it"
    return (OTHER_CLASS if inside else OUTSIDE), reason


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"
