"""The real stages on a few images: the study runs from images to plots, and again to the same bytes."""

import csv
import shutil
import signal
import time
from typing import Any

import params
import pytest
from ruamel.yaml import YAML

from attnbench.records.files import sha256_of
from attnbench.records.lock import read_entries
from attnbench.study import StudyPaths

from .conftest import ROOT, Project, copy_checkout

PATHS = StudyPaths("small")
CHECKPOINT = "runs/small/se-0/checkpoint.safetensors"


NO_ATTENTION = """\
from torch import nn

PAPER = "none"

class Plain(nn.Module):
    def __init__(self, channels):
        super().__init__()
    def forward(self, x):
        return x
"""
SMALL: dict[str, Any] = {
    "seeds": [0],
    "latency": {"batch_sizes": [1], "rounds": 5, "processes": 2},
    "views": {"images": 2},
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str]:
    """Return a project whose study has a module that is no attention module, and what `attnbench run` said."""
    root = tmp_path_factory.mktemp("real")
    copy_checkout(root)
    shutil.copytree(ROOT / "stages", root / "stages", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "src/mine").mkdir()
    (root / "src/mine/plain.py").write_text(NO_ATTENTION)
    own = {"attention": "mine.plain", "site": "before_pool"}
    params.write(root, **SMALL, variants=params.values()["variants"] | {"own": own})
    project = Project(root, has_torch=True)
    process = project.start("attnbench", "run", "--jobs", "2")
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 1
    return project, output


@pytest.fixture(scope="module")
def project(refused: tuple[Project, str]) -> Project:
    """Return a project in which a small study ran and was committed."""
    project, _ = refused
    params.write(project.root, **SMALL)
    project.call("attnbench", "run", "--jobs", "1")
    project.commit("Run the small study")
    return project


def test_nothing_trains_if_a_module_is_no_attention_module(refused: tuple[Project, str]) -> None:
    project, output = refused
    assert "plain.py: Plain is not an attention module; derive it from `Gate` or `Attention`" in output
    assert "small: failed: cost@own, latency; see" in output  # latency builds all variants too
    assert "start  train" not in output
    assert not list((project.root / "work/small/log").glob("train*"))


def test_the_study_is_finished_and_the_repository_clean(project: Project) -> None:
    assert project.call("attnbench", "run").endswith("small is up to date: reports/small/REPORT.md\n")
    assert project.git("status", "--porcelain") == ""


def test_the_plots_of_dvc_yaml_are_columns_of_the_tables(project: Project) -> None:
    for plot in YAML(typ="safe").load(project.root / "dvc.yaml")["plots"]:
        [values] = plot.values()
        axes = [values["x"], *values["y"].values()] if isinstance(values["x"], str) else [*values["x"].values()]
        [file] = values["y"]
        with (project.root / fill(file)).open() as stream:
            assert {fill(axis) for axis in axes} <= set(next(csv.reader(stream)))
    page = project.call("dvc", "plots", "show")
    assert page.strip().endswith("reports/dvc_plots/index.html")
    assert "WARNING" not in page


def fill(text: str) -> str:
    """Fill in the values of this study as DVC does."""
    values: dict[str, Any] = {"${root}": ".", "${name}": "small", "${latency.batch_sizes[0]}": 1}
    for key, value in values.items():
        text = text.replace(key, str(value))
    return text


def test_the_metrics_are_numbers_for_readers(project: Project) -> None:
    header, row = project.call("dvc", "metrics", "show").splitlines()
    assert header.split()[:2] == ["Path", "baseline.accuracy"]
    assert "se.difference" in header
    assert row.startswith("reports/small/summary.json")


def test_a_run_that_is_stopped_before_dvc_records_it_is_not_trained_again(project: Project) -> None:
    """DVC is killed when the stage has written its record."""
    written = [project.root / path for path in PATHS.outputs("se", 0)]
    record = project.root / PATHS.record("se", 0)
    project.edit("dvc.lock", "  train@se-0:\n", "  train@removed:\n")
    record.unlink()
    dvc = project.start("dvc", "repro", "-s", "train@se-0")
    deadline = time.monotonic() + 120
    while not record.exists():
        assert dvc.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    dvc.send_signal(signal.SIGKILL)
    dvc.communicate()
    assert "train@se-0" not in read_entries(project.root / "dvc.lock")
    first = [path.read_bytes() for path in written]

    output = project.call("attnbench", "run", "--jobs", "1")
    assert "start  train@se-0" in output
    log = (project.root / "work/small/log/train@se-0.txt").read_text()
    assert "is trained, and is evaluated again" in log
    assert "epoch 1/" not in log
    assert [path.read_bytes() for path in written] == first
    assert not (project.root / PATHS.unfinished("se", 0)).exists()


def test_a_run_repeated_gives_the_same_bytes_and_another_timing_alone(project: Project) -> None:
    before = sha256_of(project.root / CHECKPOINT)
    project.call("dvc", "repro", "--force", "--single-item", "--no-run-cache", "train@se-0")
    assert sha256_of(project.root / CHECKPOINT) == before
    changed = project.git("diff", "--name-only").split()
    assert set(changed) <= {"dvc.lock", "results/small/timing/se-0.json"}
    project.git("checkout", "-q", ".")
