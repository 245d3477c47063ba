"""The real graph on a few images: what an edit makes DVC run again, and what it does not.

One small study is run once, in a copy of this project; each test edits the copy, looks, and puts it back.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from attnbench.records.files import sha256_of
from attnbench.run import graph
from attnbench.study import repository

ROOT = Path(__file__).parents[2]
COPIED = ("src", "stages", "dvc.yaml", ".dvc/config", ".dvcignore", ".gitignore")
PARAMS = """\
study: tiny
root: .
params: params.yaml
title: Two variants on a few images
data: {source: shapes, train_images: 200, test_images: 60, seed: 0, split_seed: 0}
backbone: {name: cnn}
baseline: eca
variants:
  eca: {attention: eca, site: before_pool}
  se: {attention: se, site: before_pool}
seeds: [0]
recipe: {name: onecycle, optimizer: adam, epochs: 1, batch_size: 64, learning_rate: 1e-3, weight_decay: 0.0,
  warmup: 0.3, label_smoothing: 0.0, augmentation: [flip]}
machine: {device: cpu, precision: float32, threads: 1}
confidence: 0.95
latency: {batch_sizes: [1], rounds: 5}
views: {images: 2}
"""


def call(root: Path, *command: str) -> str:
    """Run a command in a copy, with the copy's own package; return what it said."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(root / "src")}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def git(root: Path, *arguments: str) -> str:
    return call(root, "git", "-c", "user.name=test", "-c", "user.email=test@example.org", *arguments)


def stale(root: Path) -> list[str]:
    """Bring the fingerprints and the images up to date; return the stages that DVC would run then."""
    call(root, "dvc", "repro", "-q", "code", "code_data", "data")
    return [stage.name for stage in graph.stages(root, "dvc.yaml") if stage.stale]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project in which the small study ran and was committed."""
    root = tmp_path_factory.mktemp("project")
    for name in COPIED:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        else:
            shutil.copy(ROOT / name, root / name)
    (root / "params.yaml").write_text(PARAMS)
    git(root, "init", "-q")
    call(root, sys.executable, "-c", "from attnbench.cli import main; main()", "run", "--jobs", "1")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "Run the small study")
    return root


@pytest.fixture
def project(finished: Path) -> Iterator[Path]:
    """Return the finished copy, and put back afterwards what the test changed."""
    yield finished
    git(finished, "checkout", "-q", ".")
    git(finished, "clean", "-q", "-d", "--force")


def test_the_study_leaves_its_report_and_nothing_to_do(project: Path) -> None:
    assert (project / "reports/tiny/REPORT.md").is_file()
    assert stale(project) == []
    assert git(project, "status", "--porcelain") == ""


def test_a_comment_trains_nothing(project: Path) -> None:
    """The report alone is made anew: it quotes the header of each module."""
    edit(project / "src/attnbench/networks/attention/se.py", '"""Squeeze', '# A comment.\n"""In other words: squeeze')
    assert stale(project) == ["report"]


def test_a_real_edit_retrains_the_variants_that_use_the_file(project: Path) -> None:
    edit(
        project / "src/attnbench/networks/attention/se.py", "reduction: PositiveInt = 16", "reduction: PositiveInt = 8"
    )
    edit(
        project / "src/attnbench/networks/attention/se.py", "reduction: PositiveInt = 16", "reduction: PositiveInt = 8"
    )
    assert stale(project) == ["train@se-0", "cost@se", "latency", "views@se", "analyse", "report"]


@pytest.mark.parametrize("package", ["report", "figures"])
def test_a_change_of_the_report_trains_nothing(project: Path, package: str) -> None:
    with (project / "src/attnbench" / package / "__init__.py").open("a") as stream:
        stream.write("\nMORE = 1\n")
    assert stale(project) == ["report"]


def test_a_change_of_the_recipe_retrains_all(project: Path) -> None:
    edit(project / "params.yaml", "epochs: 1", "epochs: 2")
    assert {name for name in stale(project) if name.startswith("train")} == {"train@eca-0", "train@se-0"}


def test_a_new_variant_alone_is_trained(project: Path) -> None:
    edit(project / "params.yaml", "  se: {", "  cam: {attention: cam, site: after_pool}\n  se: {")
    runs = [name for name in stale(project) if "@" in name]
    assert runs == ["train@cam-0", "cost@cam", "views@cam"]


def test_a_run_repeated_gives_the_same_bytes_and_the_same_lock(project: Path) -> None:
    checkpoint = project / "runs/tiny/se-0/checkpoint.safetensors"
    before = sha256_of(checkpoint), (project / "dvc.lock").read_bytes()
    call(project, "dvc", "repro", "--force", "--single-item", "--no-run-cache", "train@se-0")
    assert (sha256_of(checkpoint), (project / "dvc.lock").read_bytes()) == before


def test_a_clone_without_a_cache_is_up_to_date(project: Path, tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    git(project, "clone", "-q", str(project), str(clone))
    said = call(clone, "dvc", "repro", "--allow-missing")
    assert "Running stage" not in said
    assert git(clone, "status", "--porcelain") == ""


def test_a_study_folder_runs_through_its_link(project: Path) -> None:
    params = project / "studies" / "other" / "params.yaml"
    params.parent.mkdir(parents=True)
    text = PARAMS.replace("study: tiny", "study: other").replace("root: .", "root: ../..")
    params.write_text(text.replace("params: params.yaml", "params: studies/other/params.yaml"))
    lock = (project / "dvc.lock").read_bytes()
    file = repository.pipeline_file(project, params)
    call(project, "dvc", "repro", f"{file}:data", f"{file}:code@se")
    planned = call(project, "dvc", "repro", "--dry", "--single-item", f"{file}:train@se-0")
    assert "> python stages/train.py studies/other/params.yaml se 0" in planned
    assert sha256_of(project / "data/other.safetensors") == sha256_of(project / "data/tiny.safetensors")
    assert (params.parent / "dvc.lock").is_file()
    assert (project / "dvc.lock").read_bytes() == lock
