"""All scores of a network that was trained in the test, and the stage `maps` as DVC runs it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from recorded_run import record_run, run_stage
from small_training import edges, small_study

from attnbench import maps, networks, records
from attnbench.networks.gates import Gate
from attnbench.records import MapsRecord, RunRecord
from attnbench.records.prepared import Prepared
from attnbench.study import StudyPaths, schema

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
    scores = maps.measure(network, untrained, data, schema.TestedMaps(images=40))
    assert (scores.images, scores.checked, scores.maps.images) == (40, 40, 40)
    assert scores.objects is not None
    assert scores.objects.area == pytest.approx(5 / 16)
    assert list(scores.objects.gates) == ["block1.before_pool"]
    assert scores.objects.gates["block1.before_pool"].energy > 0.5  # of random features of noise and edges
    assert list(scores.blocks) == list(network.views())
    assert [block.objects is None for block in scores.blocks.values()] == [False] * len(scores.blocks)
    same = maps.measure(network, network, data, schema.TestedMaps(images=40))
    for name, block in scores.blocks.items():
        assert same.blocks[name].untrained == pytest.approx(1)
        assert abs(block.untrained) < 0.8
        assert (same.blocks[name].grad_cam, same.blocks[name].random) == (block.grad_cam, block.random)
    assert all(not module._forward_pre_hooks for module in network.modules())


def test_the_checks_use_the_first_of_the_images() -> None:
    data, study = edges(), small_study()
    network, untrained = (networks.build(study, "cbam", data, seed) for seed in (0, 1))
    few, some, all_images = (
        maps.measure(network, untrained, data, schema.TestedMaps(images=images, checked=checked))
        for images, checked in ((30, 500), (40, 30), (40, 500))
    )
    assert (few.checked, some.checked, all_images.checked) == (30, 30, 40)
    for name, block in some.blocks.items():
        for check in ("infidelity", "sensitivity", "untrained_classifier", "untrained"):
            assert getattr(block, check) == pytest.approx(getattr(few.blocks[name], check))
        assert block.infidelity != all_images.blocks[name].infidelity
        assert block.grad_cam == all_images.blocks[name].grad_cam


def test_the_stage_scores_the_maps_of_the_recorded_weights(tmp_path: Path) -> None:
    written = record_run(tmp_path)
    assert run_stage(tmp_path, "code") == ""
    assert run_stage(tmp_path, "maps", "cbam", "0") == ""
    run = records.read(written.record("cbam", 0), RunRecord)
    record = records.read(written.map_scores("cbam", 0), MapsRecord)
    assert (record.study, record.variant, record.seed) == ("small", "cbam", 0)
    assert (record.checkpoint_sha256, record.scores.images) == (run.checkpoint_sha256, 45)
    assert record.scores.objects is None
    *_, last = record.scores.blocks.values()
    assert record.scores.maps.array().max(axis=(1, 2)).max() == 255
    assert last.grad_cam.deletion < last.grad_cam.insertion

    first = written.map_scores("cbam", 0).read_bytes()
    assert run_stage(tmp_path, "maps", "cbam", "0") == ""
    assert written.map_scores("cbam", 0).read_bytes() == first
    written.checkpoint("cbam", 0).write_bytes(b"other")
    assert f"but {PATHS.record('cbam', 0)} says {run.checkpoint_sha256[:12]}" in run_stage(
        tmp_path, "maps", "cbam", "0"
    )
