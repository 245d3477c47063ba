"""Verdicts on repeated runs, and the choice of the runs to repeat."""

from typing import Any

import pytest
from made_records import IDENTITY, make_run

from attnbench.compare.recorded_runs import RecordedRun, choose
from attnbench.compare.repeated_run import foreign, judge

RECORD = "results/made_up/runs/se-0.json"
TIMING = "results/made_up/timing/se-0.json"


def recorded_run() -> RecordedRun:
    """Return a run with accuracy 0.7 whose checkpoint, record and timing are locked."""
    return RecordedRun(make_run("se", 0, 0.7), {"checkpoint": "1", RECORD: "r", TIMING: "t"})


def repeat(accuracy: float, **changes: Any) -> Any:
    return make_run("se", 0, accuracy, **changes)


def test_every_output_but_the_timing_must_repeat():
    assert recorded_run().repeatable == {"checkpoint": "1", RECORD: "r"}
    verdict = judge(recorded_run(), repeat(0.7), [], [0.7], 0.95, 1)
    assert str(verdict) == "se-0: EQUAL: all 2 files have the bytes in dvc.lock"


@pytest.mark.parametrize(
    ("here", "accuracies", "word", "reason"),
    [
        # mean 70 %, std 1 %, n = 3: 70 +- 4.3027 * 1 * sqrt(4 / 3)
        (0.66, [0.69, 0.70, 0.71], "OTHER CLASS", "; within 65.03 % to 74.97 %, where one more run is expected after"),
        (0.65, [0.69, 0.70, 0.71], "OUTSIDE", "; outside 65.03 % to 74.97 %, where one more run is expected after"),
        (0.75, [0.69, 0.70, 0.71], "OUTSIDE", "the 3 recorded (confidence 0.95; 9.94 points wide)"),
        (0.10, [0.70], "UNKNOWN", "; the spread over seeds is unknown, so nothing more can be said"),
        (0.10, [0.70, 0.70], "UNKNOWN", "; the spread over seeds is unknown, so nothing more can be said"),
    ],
)
def test_on_another_class_of_machine_the_accuracy_decides(here, accuracies, word, reason):
    verdict = judge(recorded_run(), repeat(here, processor="B", python="4"), ["checkpoint"], accuracies, 0.95, 1)
    assert (verdict.word, verdict.verified) == (word, word == "OTHER CLASS")
    machines = "python: 3.11.7 recorded, 4 here, processor: Example CPU @ 2.0 GHz recorded, B here"
    accuracy = f"accuracy {100 * here:.2f} % here, 70.00 % recorded"
    assert verdict.reason.startswith(f"another class of machine ({machines}); {accuracy}; ")
    assert reason in verdict.reason
    assert "excludes little" not in verdict.reason


def test_repeated_runs_share_the_level():
    verdict = judge(recorded_run(), repeat(0.60, processor="B"), ["checkpoint"], [0.69, 0.70, 0.71], 0.95, 12)
    assert verdict.word == "OTHER CLASS"
    half = 15.4435 * (4 / 3) ** 0.5
    assert f"(confidence 0.95 for all 12 repeated runs together; {2 * half:.2f} points wide)" in verdict.reason


def test_a_wide_interval_is_called_uninformative():
    # two seeds one point apart: 12.706 * 0.707 * sqrt(3 / 2) points on either side
    verdict = judge(recorded_run(), repeat(0.62, processor="B"), ["checkpoint"], [0.69, 0.70], 0.95, 1)
    assert verdict.word == "OTHER CLASS"
    assert verdict.reason.endswith(
        "22.01 points wide). An interval of 22.01 points excludes little, so this shows little; more seeds narrow it"
    )
    outside = judge(recorded_run(), repeat(0.9, processor="B"), ["checkpoint"], [0.69, 0.70], 0.95, 1)
    assert outside.word == "OUTSIDE"
    assert outside.reason.endswith("22.01 points wide)")


def test_a_record_that_differs_only_in_its_machine_is_equal():
    verdict = judge(recorded_run(), repeat(0.7, processor="B"), [RECORD], [0.7], 0.95, 1)
    assert verdict.word == "EQUAL"
    assert verdict.reason.endswith(
        "except for the machine in the record (processor: Example CPU @ 2.0 GHz recorded, B here)"
    )
    assert judge(recorded_run(), repeat(0.6, processor="B"), [RECORD], [0.69, 0.7], 0.95, 1).word == "OTHER CLASS"
    curves = [RECORD, "curves"]
    assert judge(recorded_run(), repeat(0.7, processor="B"), curves, [0.69, 0.7], 0.95, 1).word == "OTHER CLASS"
    assert judge(recorded_run(), repeat(0.6), [RECORD], [0.7], 0.95, 1).word == "DIFFERENT"


@pytest.mark.parametrize(
    ("changes", "record_md5", "reason"),
    [
        ({"code": "x"}, "r", "made from different code; it cannot be verified here"),
        ({"params": "x"}, "r", "made from different values in params.yaml; it"),
        ({"data": "x", "code": "x"}, "r", "made from different images, made from different code; it"),
        ({}, "x", "its record is not the one in dvc.lock; it"),
    ],
)
def test_runs_from_other_inputs_are_foreign(changes, record_md5, reason):
    changed = IDENTITY.differences(IDENTITY.model_copy(update=changes))
    verdict = foreign(recorded_run(), changed, record_md5)
    assert verdict is not None
    assert (verdict.word, verdict.verified) == ("FOREIGN", False)
    assert verdict.reason.startswith(reason)


def test_a_run_from_the_same_inputs_is_not_foreign():
    assert foreign(recorded_run(), [], "r") is None


@pytest.mark.parametrize(
    ("count", "names"),
    [
        (1, ["b0"]),
        (2, ["a0", "c0"]),
        (3, ["a0", "b0", "c0"]),
        (4, ["a0", "b0", "c0", "c1"]),
        (6, ["a0", "b0", "c0", "a1", "c1", "c2"]),
        (99, ["a0", "b0", "c0", "a1", "c1", "c2"]),
    ],
)
def test_the_chosen_runs_are_spread_over_the_variants(count, names):
    assert choose([["a0", "a1"], ["b0"], [], ["c0", "c1", "c2"]], count) == names
    assert choose([[], []], count) == []
