"""The train stage: what it leaves, and what it refuses; run/test_real_stages.py runs it as a process of its own."""

import json

import pytest
import torch
from recorded_run import run_stage
from safetensors.torch import load_file
from small_training import write_params

from attnbench import records
from attnbench.records import RunRecord, TimingRecord, files, prepared
from attnbench.records.correct import read_correct
from attnbench.study import StudyPaths

PATHS = StudyPaths("small")


@pytest.fixture
def folder(tmp_path, data):
    """A study's folder, with images and fingerprints."""
    write_params(tmp_path, learning_rate=0.03)  # with it, the second epoch is better than the first
    prepared.save(tmp_path / PATHS.prepared, data)
    assert run_stage(tmp_path, "code") == ""
    return tmp_path


def outputs(folder):
    """Return the SHA-256 of every file that must be the same when a run is repeated."""
    return {
        path.name: files.sha256_of(folder / path)
        for path in (
            PATHS.checkpoint("cbam", 1),
            PATHS.predictions("cbam", 1),
            PATHS.record("cbam", 1),
            PATHS.correct("cbam", 1),
            PATHS.epochs("cbam", 1),
            PATHS.iterations("cbam", 1),
        )
    }


def test_a_run_leaves_its_record_and_the_same_files_if_dvc_did_not_record_it(folder, data, capsys):
    assert run_stage(folder, "train", "cbam", "1") == ""
    lines = capsys.readouterr().err.splitlines()
    assert [line.split("  ")[0] for line in lines] == ["epoch 1/2", "epoch 2/2"]
    first = outputs(folder)

    record = records.read(folder / PATHS.record("cbam", 1), RunRecord)
    state = load_file(folder / PATHS.checkpoint("cbam", 1))
    predictions = load_file(folder / PATHS.predictions("cbam", 1))
    epochs = [line.split(",") for line in (folder / PATHS.epochs("cbam", 1)).read_text().splitlines()[1:]]
    best = max(float(row[-1]) for row in epochs)
    assert record.checkpoint_sha256 == first["checkpoint.safetensors"]
    assert record.predictions_sha256 == first["predictions.safetensors"]
    assert record.accuracy == (predictions["logits"].argmax(1) == data.test_labels).double().mean().item()
    correct = read_correct(folder / PATHS.correct("cbam", 1), len(data.test_labels))
    assert correct.tolist() == (predictions["logits"].argmax(1) == data.test_labels).tolist()
    assert correct.mean() == record.accuracy
    assert record.best_validation_accuracy == pytest.approx(best, rel=1e-5)
    assert float(epochs[record.best_validation_epoch - 1][-1]) == best
    assert float(epochs[0][-1]) < best
    assert record.identity.data == data.sha256()
    assert record.identity.code == json.loads((folder / PATHS.code("train", "cbam")).read_text())["sha256"]
    assert record.parameters == sum(
        tensor.numel() for name, tensor in state.items() if "running" not in name and "num_batches" not in name
    )
    timing = records.read(folder / PATHS.timing("cbam", 1), TimingRecord)
    assert len(timing.seconds_per_epoch) == len(timing.evaluation_seconds) == record.epochs == 2
    assert timing.total_seconds > sum(timing.seconds_per_epoch)

    for path in PATHS.outputs("cbam", 1):  # as DVC does before it starts a stage again that it has not recorded
        (folder / path).unlink()
    assert run_stage(folder, "train", "cbam", "1") == ""
    assert capsys.readouterr().err.split(":")[0] == "is trained, and is evaluated again"
    assert outputs(folder) == first
    assert records.read(folder / PATHS.timing("cbam", 1), TimingRecord) == timing


def test_a_loss_that_becomes_nan_leaves_no_record(folder):
    write_params(folder, learning_rate=1e30)
    assert run_stage(folder, "code") == ""
    before = sorted(path for path in folder.rglob("*") if path.is_file())
    message = run_stage(folder, "train", "cbam", "1")
    assert message.startswith("error: the training loss became ")
    assert "the run has stopped and left no record. Lower `recipe: learning_rate` (now 1e+30)" in message
    lock = (folder / PATHS.unfinished("cbam", 1)).with_suffix(".lock")
    assert sorted(path for path in folder.rglob("*") if path.is_file() and path != lock) == before


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without an accelerator")
def test_a_missing_accelerator_is_one_message(tmp_path):
    write_params(tmp_path, machine={"device": "cuda"})
    message = run_stage(tmp_path, "train", "cbam", "1")
    assert message.startswith("error: params.yaml says `machine: device: cuda`, but torch finds no CUDA device. ")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("cbm", "0"), "error: params.yaml has no variant 'cbm' (did you mean 'cbam'?); allowed: 'baseline', 'cbam'"),
        (("cbam", "9"), "error: params.yaml has no seed 9; allowed: 0, 1. Add it under `seeds:`"),
    ],
)
def test_a_run_that_the_study_does_not_have(tmp_path, arguments, message):
    write_params(tmp_path)
    assert run_stage(tmp_path, "train", *arguments) == message
