"""All scores of a network that was trained in the test, and the stage `maps` as DVC runs it."""

import runpy
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import small_training
import torch
from small_training import edges, small_study, write_params

from attnbench import maps, networks, records
from attnbench.networks.gates import Gate
from attnbench.records import MapsRecord, RunRecord, prepared
from attnbench.records.prepared import Prepared
from attnbench.study import StudyPaths
from attnbench.train import outputs

STAGES = Path(__file__).parents[2] / "stages"
PATHS = StudyPaths("small")


def with_masks(data: Prepared) -> Prepared:
    """Return the images with masks of their bright edges, which all have a size of 5 x 16 pixels."""
    masks = torch.zeros(data.test_images[:, 0].shape, dtype=torch.uint8)
    masks[data.test_labels == 0, :, :5] = 1
    masks[data.test_labels == 1, :, 11:] = 1
    masks[data.test_labels == 2, :5, :] = 1
    return replace(data, test_masks=masks)


class Mask(Gate):
    """A gate that is 1 where the image is bright: it finds the edges."""

    def gate(self, x: torch.Tensor) -> torch.Tensor:
        return (x.mean(1, keepdim=True) > x.mean((1, 2, 3), keepdim=True)).float()


def test_a_network_whose_gate_sees_the_object_scores_on_it() -> None:
    data, study = with_masks(edges()), small_study()
    network, untrained = (networks.build(study, "baseline", data, seed) for seed in (0, 1))
    next(slot for name, slot in network.slots().items() if name == "block1.before_pool").fill(Mask())
    scores = maps.measure(network, untrained, data, 40)
    assert (scores.images, scores.checked, scores.maps.images) == (40, 40, 40)
    assert scores.objects is not None
    assert scores.objects.area == pytest.approx(5 / 16)
    assert list(scores.objects.gates) == ["block1.before_pool"]
    assert scores.objects.gates["block1.before_pool"].energy > 0.5  # of random features of noise and edges
    same = maps.measure(network, network, data, 40)
    assert same.untrained == pytest.approx(1)
    assert abs(scores.untrained) < 0.8
    assert same.model_copy(update={"untrained": scores.untrained}).grad_cam == scores.grad_cam
    assert all(not module._forward_pre_hooks for module in network.modules())


def test_the_stage_scores_the_maps_of_the_recorded_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    written = StudyPaths("small", tmp_path)
    outcome = small_training.run(study, "cbam", 0, data)
    outputs.write_records(written, outputs.write(written, study, "cbam", 0, outcome, identity))
    assert stage("maps", "cbam", "0") == ""
    run = records.read(written.record("cbam", 0), RunRecord)
    record = records.read(written.map_scores("cbam", 0), MapsRecord)
    assert (record.study, record.variant, record.seed) == ("small", "cbam", 0)
    assert (record.checkpoint_sha256, record.scores.images) == (run.checkpoint_sha256, 45)
    assert record.scores.objects is None
    assert record.scores.maps.array().max(axis=(1, 2)).max() == 255
    assert record.scores.grad_cam.deletion < record.scores.grad_cam.insertion

    first = written.map_scores("cbam", 0).read_bytes()
    assert stage("maps", "cbam", "0") == ""
    assert written.map_scores("cbam", 0).read_bytes() == first
    written.checkpoint("cbam", 0).write_bytes(b"other")
    assert f"but {PATHS.record('cbam', 0)} says {run.checkpoint_sha256[:12]}" in stage("maps", "cbam", "0")
