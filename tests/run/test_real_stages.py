"""The real stages on a few images: from `attnbench new` to a row of the report, and again to the same bytes."""

import csv
import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import params
import pytest
from filled_in import fill_in
from ruamel.yaml import YAML

from attnbench.records.files import sha256_of
from attnbench.records.lock import read_entries
from attnbench.study import StudyPaths

from .conftest import ROOT, Project, copy_checkout

PATHS = StudyPaths("small")
CHECKPOINT = "runs/small/soft-0/checkpoint.safetensors"
SMALL: dict[str, Any] = {
    "data": {"source": "shapes", "train_images": 100, "test_images": 20, "seed": 0, "split_seed": 0},
    "backbone": {"name": "cnn", "options": {"width": 8, "hidden": 16}},
    "variants": {
        "baseline": {"attention": "none"},
        "soft": {"attention": "mine.soft", "site": "before_pool"},
    },
    "seeds": [0],
    "recipe": params.recipe(batch_size=32),
    "latency": {"batch_sizes": [1], "rounds": 5, "processes": 2},
    "views": {"images": 2},
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project in which a small study with a module of its own ran and was committed."""
    root = tmp_path_factory.mktemp("real")
    copy_checkout(root)
    shutil.copytree(ROOT / "stages", root / "stages", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    project = Project(root, has_torch=True)
    assert "src/mine/soft.py is started" in project.call("attnbench", "new", "mine.soft")
    fill_in(root / "src/mine/soft.py")
    params.write(root, **SMALL)
    project.call("attnbench", "run", "--jobs", "1")
    project.commit("Run the small study")
    return project


def test_the_study_is_finished_and_the_repository_clean(project: Project) -> None:
    assert project.call("attnbench", "run").endswith("small is up to date: reports/small/REPORT.md\n")
    assert project.git("status", "--porcelain") == ""


def test_the_report_has_the_row_of_the_new_module_its_headline_and_its_paper(project: Project) -> None:
    report, details = ((project.root / "reports/small" / name).read_text() for name in ("REPORT.md", "DETAILS.md"))
    assert "\n| `soft` " in report
    assert any("`mine.soft`" in line for line in details.splitlines() if line.startswith("| `soft` "))
    assert "Soft: a gate for each channel from its mean." in details
    assert "Somebody: Soft. 2026. arXiv:2601.00001" in details
    assert list((project.root / "reports/small/figures").glob("*.png"))


def test_the_records_know_the_code_and_no_folder_of_this_machine(project: Project) -> None:
    code = json.loads((project.root / PATHS.code("train", "soft")).read_text())
    record = json.loads((project.root / PATHS.record("soft", 0)).read_text())
    assert record["identity"]["code"] == code["sha256"]
    listing = json.loads((project.root / PATHS.code_listing).read_text())
    assert {"src/mine/soft.py", "src/mine/pools.py"} <= listing.keys()
    written = [path for top in ("results", "reports") for path in (project.root / top).rglob("*") if path.is_file()]
    assert written
    for path in written:
        assert str(project.root).encode() not in path.read_bytes(), path


def test_stages_find_the_package_in_any_current_folder(project: Project, tmp_path: Path) -> None:
    """`attnbench verify` runs them in a scratch folder."""
    shutil.copy(project.root / "dvc.yaml", tmp_path)
    command = [sys.executable, project.root / "stages/code.py", project.root / "params.yaml"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    file = PATHS.code("train", "soft")
    assert (tmp_path / file).read_bytes() == (project.root / file).read_bytes()


def test_the_plots_of_dvc_yaml_are_columns_of_the_tables(project: Project) -> None:
    for plot in YAML(typ="safe").load(project.root / "dvc.yaml")["plots"]:
        [values] = plot.values()
        axes = [values["x"], *values["y"].values()] if isinstance(values["x"], str) else [*values["x"].values()]
        [file] = values["y"]
        with (project.root / filled(file)).open() as stream:
            assert {filled(axis) for axis in axes} <= set(next(csv.reader(stream)))
    page = project.call("dvc", "plots", "show")
    assert page.strip().endswith("reports/dvc_plots/index.html")
    assert "WARNING" not in page


def filled(text: str) -> str:
    """Fill in the values of this study as DVC does."""
    values: dict[str, Any] = {"${root}": ".", "${name}": "small", "${latency.batch_sizes[0]}": 1}
    for key, value in values.items():
        text = text.replace(key, str(value))
    return text


def test_the_metrics_are_numbers_for_readers(project: Project) -> None:
    header, row = project.call("dvc", "metrics", "show").splitlines()
    assert header.split()[:2] == ["Path", "baseline.accuracy"]
    assert "soft.difference" in header
    assert row.startswith("reports/small/summary.json")


def test_a_run_that_is_stopped_before_dvc_records_it_is_not_trained_again_and_changes_no_byte(project: Project) -> None:
    """DVC is killed when the stage has written its record: of a run that it trained once more."""
    written = [project.root / path for path in PATHS.outputs("soft", 0)]
    record, before = project.root / PATHS.record("soft", 0), sha256_of(project.root / CHECKPOINT)
    project.edit("dvc.lock", "  train@soft-0:\n", "  train@removed:\n")
    record.unlink()
    dvc = project.start("dvc", "repro", "--force", "--single-item", "--no-run-cache", "train@soft-0")
    deadline = time.monotonic() + 120
    while not record.exists():
        assert dvc.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    dvc.send_signal(signal.SIGKILL)
    dvc.communicate()
    assert "train@soft-0" not in read_entries(project.root / "dvc.lock")
    first = [path.read_bytes() for path in written]

    output = project.call("attnbench", "run", "--jobs", "1")
    assert "start  train@soft-0" in output
    log = (project.root / "work/small/log/train@soft-0.txt").read_text()
    assert "is trained, and is evaluated again" in log
    assert "epoch 1/" not in log
    assert [path.read_bytes() for path in written] == first
    assert not (project.root / PATHS.unfinished("soft", 0)).exists()

    assert sha256_of(project.root / CHECKPOINT) == before
    changed = project.git("diff", "--name-only").split()
    assert set(changed) <= {"dvc.lock", "results/small/timing/soft-0.json"}
