"""The stage `ablate`, on a run that was trained in the test."""

from pathlib import Path

from recorded_run import record_run, run_stage

from attnbench import records
from attnbench.records import AblationRecord, RunRecord
from attnbench.study import StudyPaths

PATHS = StudyPaths("small")


def test_a_run_is_tested_as_it_was_recorded_and_a_record_of_other_weights_is_refused(tmp_path: Path) -> None:
    record_run(tmp_path)
    assert run_stage(tmp_path, "code") == ""
    assert run_stage(tmp_path, "ablate", "cbam", "0") == ""
    run = records.read(tmp_path / PATHS.record("cbam", 0), RunRecord)
    ablation = records.read(tmp_path / PATHS.ablation("cbam", 0), AblationRecord)
    assert (ablation.study, ablation.variant, ablation.seed) == ("small", "cbam", 0)
    assert (ablation.accuracy, ablation.checkpoint_sha256) == (run.accuracy, run.checkpoint_sha256)
    assert [slot.slot for slot in ablation.slots] == [f"block{i}.after_pool" for i in (1, 2, 3)]
    assert [sorted(slot.quantities) for slot in ablation.slots] == [["channel", "spatial"]] * 3
    assert [slot.hidden_units for slot in ablation.slots] == [2, 4, 8]

    (tmp_path / PATHS.ablation("cbam", 0)).unlink()
    for update, text in (
        ({"accuracy": 0.125}, f"but {PATHS.record('cbam', 0)} says 12.5000%"),
        ({"checkpoint_sha256": "0" * 64}, "(SHA-256 000000000000): the weights are those of another run"),
    ):
        records.write(tmp_path / PATHS.record("cbam", 0), run.model_copy(update=update))
        message = run_stage(tmp_path, "ablate", "cbam", "0")
        assert text in message
        assert "Train again with: dvc repro -f -s train@cbam-0" in message
        assert not (tmp_path / PATHS.ablation("cbam", 0)).exists()
