"""The stages `cost` and `latency`: what they write, and what they refuse."""

import shutil
from pathlib import Path

import params
import pytest
from recorded_run import run_stage

from attnbench import records
from attnbench.study import StudyPaths

SUMMARY = records.DataSummary(
    study="small", title="Small", provenance="Made up.", classes=["a", "b", "c"], image_shape=(3, 16, 16), train=90,
    validation=10, test=10, split_seed=0, mean=[0.5] * 3, std=[0.2] * 3, sha256="0" * 64, tensors_sha256={},
)  # fmt: skip
NO_ATTENTION = """\
from torch import nn

PAPER = "none"

class Plain(nn.Module):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        return x
"""


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository's root with the params.yaml of a small study, whose images are prepared."""
    root = tmp_path_factory.mktemp("prepared")
    params.write(
        root,
        backbone={"name": "cnn", "options": {"width": 4, "hidden": 16}},
        variants={
            "baseline": {"attention": "none"},
            "eca": {"attention": "eca", "site": "before_pool", "stages": "last"},
        },
        latency={"batch_sizes": [1], "rounds": 6, "processes": 2},
    )
    records.write(StudyPaths("small", root).data_summary, SUMMARY)
    assert run_stage(root, "code") == ""
    return root


@pytest.fixture
def root(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    return tmp_path


def test_the_cost_stage_writes_the_counts_of_one_variant_and_the_same_bytes_again(root: Path):
    paths = StudyPaths("small", root)
    assert run_stage(root, "cost", "eca") == ""
    record = records.read(paths.cost("eca"), records.CostRecord)
    assert (record.study, record.variant, record.image_shape) == ("small", "eca", (3, 16, 16))
    convolutions = 9 * (3 * 4 * 256 + 4 * 8 * 64 + 8 * 16 * 16)
    assert record.macs == convolutions + 64 * 16 + 16 * 3 + record.attention_macs
    assert list(record.attention_modules) == ["block3.before_pool"]
    before = paths.cost("eca").read_bytes()
    assert run_stage(root, "cost", "eca") == ""
    assert paths.cost("eca").read_bytes() == before


def test_the_latency_stage_writes_a_row_for_every_variant(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PYTHONWARNINGS", "error")  # of the processes that it starts
    assert run_stage(root, "latency") == ""
    output = capsys.readouterr().out
    record = records.read(StudyPaths("small", root).latency, records.LatencyRecord)
    for rows in (record.inference, record.training_step):
        assert [row.variant for row in rows] == ["baseline", "eca"]
        assert [[len(process) for process in row.round_ms] for row in rows] == [[3, 3], [3, 3]]
    assert "eca, training step: " in output
    assert "(3 + 3 rounds)" in output


def test_an_unknown_variant_is_refused_with_the_nearest_name(root: Path):
    assert run_stage(root, "cost", "ecaa") == (
        "error: params.yaml has no variant 'ecaa' (did you mean 'eca'?); allowed: 'baseline', 'eca'"
    )


def test_without_images_nothing_is_written(root: Path):
    paths = StudyPaths("small", root)
    paths.data_summary.unlink()
    for stage in (["cost", "eca"], ["latency"]):
        assert "data.json is missing; `attnbench run small` makes it" in run_stage(root, *stage)
    assert not paths.costs.exists()
    assert not paths.latency.exists()


def test_a_module_that_is_no_attention_module_is_not_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Then nothing is trained: the stage `ready` needs all counts."""
    (tmp_path / "no_attention").mkdir()
    (tmp_path / "no_attention/plain.py").write_text(NO_ATTENTION)
    (tmp_path / "dvc.yaml").write_text("stages: {code: {deps: [no_attention]}}\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    own = {"attention": "no_attention.plain", "site": "before_pool"}
    params.write(tmp_path, variants={"baseline": {"attention": "none"}, "own": own})
    paths = StudyPaths("small", tmp_path)
    records.write(paths.data_summary, SUMMARY)
    assert run_stage(tmp_path, "code") == ""
    message = run_stage(tmp_path, "cost", "own")
    assert "plain.py: Plain is not an attention module; derive it from `Gate` or `Attention`" in message
    assert not paths.costs.exists()
