"""The real stages on a few images: the study runs from images to plots, and again to the same bytes."""

import csv
import shutil
from typing import Any

import params
import pytest
from ruamel.yaml import YAML

from attnbench.records.files import sha256_of

from .conftest import ROOT, Project, copy_checkout

CHECKPOINT = "runs/small/se-0/checkpoint.safetensors"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project in which a small study ran and was committed."""
    root = tmp_path_factory.mktemp("real")
    copy_checkout(root)
    shutil.copytree(ROOT / "stages", root / "stages", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    params.write(root, seeds=[0], latency={"batch_sizes": [1], "rounds": 5}, views={"images": 2})
    project = Project(root)
    project.call("attnbench", "run", "--jobs", "1")
    project.commit("Run the small study")
    return project


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


def test_a_run_repeated_gives_the_same_bytes_and_another_timing_alone(project: Project) -> None:
    before = sha256_of(project.root / CHECKPOINT)
    project.call("dvc", "repro", "--force", "--single-item", "--no-run-cache", "train@se-0")
    assert sha256_of(project.root / CHECKPOINT) == before
    changed = project.git("diff", "--name-only").split()
    assert set(changed) <= {"dvc.lock", "results/small/timing/se-0.json"}
    project.git("checkout", "-q", ".")
