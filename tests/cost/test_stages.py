"""The two stage scripts, run as DVC runs them: from the root, with the params file first."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench import records
from attnbench.study.paths import StudyPaths

ROOT = Path(__file__).parents[2]
PARAMS = """
name: tiny
root: .
params: params.yaml
title: Tiny
data: {source: shapes, train_images: 100, test_images: 10, seed: 0, split_seed: 0}
backbone: {name: cnn, options: {width: 4, hidden: 16}}
baseline: baseline
variants:
  baseline: {attention: none}
  eca: {attention: eca, site: before_pool, stages: last}
seeds: [0]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 8, learning_rate: 0.001, weight_decay: 0.0,
         warmup: 0.3, label_smoothing: 0.0, augmentation: []}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 6}
views: {images: 1}
"""
SUMMARY = records.DataSummary(
    study="tiny", title="Tiny", provenance="Made up.", classes=["a", "b", "c"], image_shape=(3, 16, 16), train=90,
    validation=10, test=10, split_seed=0, mean=[0.5] * 3, std=[0.2] * 3, sha256="0" * 64, tensors_sha256={},
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    records.write(StudyPaths("tiny", tmp_path).data_summary, SUMMARY)
    return tmp_path


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "error"}
    command = [sys.executable, str(ROOT / "stages" / words[0]), *words[1:]]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


def test_the_cost_stage_writes_the_counts_of_one_variant_and_the_same_bytes_again(root: Path):
    place = StudyPaths("tiny", root)
    done = run(root, "cost.py", "params.yaml", "eca")
    assert done.returncode == 0, done.stderr
    record = records.read(place.cost("eca"), records.CostRecord)
    assert (record.study, record.variant, record.image_shape) == ("tiny", "eca", (3, 16, 16))
    convolutions = 9 * (3 * 4 * 256 + 4 * 8 * 64 + 8 * 16 * 16)
    assert record.macs == convolutions + 64 * 16 + 16 * 3 + record.attention_macs
    assert list(record.attention_modules) == ["block3.before_pool"]
    before = place.cost("eca").read_bytes()
    assert run(root, "cost.py", "params.yaml", "eca").returncode == 0
    assert place.cost("eca").read_bytes() == before


def test_the_latency_stage_writes_a_row_for_every_variant(root: Path):
    done = run(root, "latency.py", "params.yaml")
    assert done.returncode == 0, done.stderr
    record = records.read(StudyPaths("tiny", root).latency, records.LatencyRecord)
    assert [(row.variant, len(row.round_ms)) for row in record.rows] == [("baseline", 6), ("eca", 6)]


def test_latency_is_measured_in_the_arithmetic_of_training(root: Path):
    """On an accelerator torch would take TensorFloat-32 for convolutions, and the record says float32."""
    code = (
        "import atexit, runpy, sys, torch\n"
        "told = lambda: print(torch.backends.cudnn.allow_tf32, torch.get_deterministic_debug_mode())\n"
        "atexit.register(told)\n"
        f"sys.argv = [{str(ROOT / 'stages' / 'latency.py')!r}, 'params.yaml']\n"
        "runpy.run_path(sys.argv[0], run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False 2"


def test_an_unknown_variant_is_told_with_the_nearest_name(root: Path):
    done = run(root, "cost.py", "params.yaml", "ecaa")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "error: params.yaml has no variant 'ecaa' (did you mean 'eca'?); allowed: 'baseline', 'eca'"
    )


def test_missing_images_are_told_and_nothing_is_written(root: Path):
    place = StudyPaths("tiny", root)
    place.data_summary.unlink()
    for words in (("cost.py", "params.yaml", "eca"), ("latency.py", "params.yaml")):
        done = run(root, *words)
        assert done.returncode == 1
        assert "data.json is missing; `dvc repro` makes it" in done.stderr
    assert not place.costs.exists()
    assert not place.latency.exists()
