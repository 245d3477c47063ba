"""The stage `robustness` as DVC runs it, on a run that was trained in the test."""

from pathlib import Path

import pytest
from recorded_run import record_run, run_stage

from attnbench import records
from attnbench.records import RobustnessRecord, RunRecord
from attnbench.study import StudyPaths

PATHS = StudyPaths("small")


def test_a_run_is_tested_with_its_own_weights_and_predictions(tmp_path: Path) -> None:
    written = record_run(tmp_path)
    assert run_stage(tmp_path, "code") == ""
    assert run_stage(tmp_path, "robustness", "cbam", "0") == ""
    run = records.read(written.record("cbam", 0), RunRecord)
    robustness = records.read(written.robust("cbam", 0), RobustnessRecord)
    assert (robustness.study, robustness.variant, robustness.seed) == ("small", "cbam", 0)
    assert (robustness.checkpoint_sha256, robustness.images) == (run.checkpoint_sha256, 45)
    assert robustness.accuracy == run.accuracy  # all 45 test images
    assert robustness.calibration.nll == pytest.approx(run.loss, abs=1e-12)

    written.robust("cbam", 0).unlink()
    predictions = written.predictions("cbam", 0)
    predictions.write_bytes(predictions.read_bytes()[:-1] + b"\xff")
    message = run_stage(tmp_path, "robustness", "cbam", "0")
    assert f"{PATHS.predictions('cbam', 0)} has the SHA-256 " in message
    record = PATHS.record("cbam", 0)
    assert f"but {record} says {run.predictions_sha256[:12]}: it is damaged, or that of another run" in message
    assert "or train again with `dvc repro -f -s train@cbam-0`" in message
    written.checkpoint("cbam", 0).unlink()
    missing = f"{PATHS.checkpoint('cbam', 0)} is missing; `dvc repro train@cbam-0` makes it"
    assert missing in run_stage(tmp_path, "robustness", "cbam", "0")
    assert not written.robust("cbam", 0).exists()
