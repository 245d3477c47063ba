"""The stage `robustness` as DVC runs it, on a run that was trained in the test."""

import runpy
import sys
from pathlib import Path

import pytest
import small_training
from small_training import edges, small_study, write_params

from attnbench import records
from attnbench.records import RobustnessRecord, RunRecord, prepared
from attnbench.study import StudyPaths
from attnbench.train import outputs

STAGES = Path(__file__).parents[2] / "stages"
PATHS = StudyPaths("small")


def test_a_run_is_tested_with_its_own_weights_and_predictions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stage(name: str, *arguments: str) -> str:
        """Run a stage in this process, since torch takes seconds to start, and return its message."""
        monkeypatch.setattr(sys, "argv", [name, "params.yaml", *arguments])
        try:
            runpy.run_path(str(STAGES / f"{name}.py"), run_name="__main__")
        except SystemExit as ended:
            return str(ended.code or "")
        return ""

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(STAGES))
    data, study = edges(), small_study()
    write_params(tmp_path)
    prepared.save(tmp_path / PATHS.prepared, data)
    assert stage("code") == ""
    identity = outputs.identity(study, "cbam", data_sha256="d" * 64, code_sha256="c" * 64)
    outcome = small_training.run(study, "cbam", 0, data)
    written = StudyPaths("small", tmp_path)
    outputs.write_records(written, outputs.write(written, study, "cbam", 0, outcome, identity))
    assert stage("robustness", "cbam", "0") == ""
    run = records.read(written.record("cbam", 0), RunRecord)
    robustness = records.read(written.robust("cbam", 0), RobustnessRecord)
    assert (robustness.study, robustness.variant, robustness.seed) == ("small", "cbam", 0)
    assert (robustness.checkpoint_sha256, robustness.images) == (run.checkpoint_sha256, 45)
    assert robustness.accuracy == run.accuracy  # all 45 test images
    assert robustness.calibration.nll == pytest.approx(run.loss, abs=1e-12)

    written.robust("cbam", 0).unlink()
    predictions = written.predictions("cbam", 0)
    predictions.write_bytes(predictions.read_bytes()[:-1] + b"\xff")
    message = stage("robustness", "cbam", "0")
    assert f"{PATHS.predictions('cbam', 0)} has the SHA-256 " in message
    assert f"but {PATHS.record('cbam', 0)} says {run.predictions_sha256[:12]}: it is that of another run" in message
    assert "Train again with: dvc repro -f -s train@cbam-0" in message
    written.checkpoint("cbam", 0).unlink()
    missing = f"{PATHS.checkpoint('cbam', 0)} is missing; `dvc repro train@cbam-0` makes it"
    assert missing in stage("robustness", "cbam", "0")
    assert not written.robust("cbam", 0).exists()
