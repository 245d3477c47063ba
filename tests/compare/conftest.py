"""Records of runs with known accuracies, and a small git repository to keep them in."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from made_records import make_run

from attnbench import records
from attnbench.records import RunRecord
from attnbench.study.paths import StudyPaths


def git(folder: Path, *arguments: str) -> str:
    """Run git for a made-up person, whatever the settings of this machine are."""
    person = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false"]
    done = subprocess.run(["git", "-C", folder, *person, *arguments], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def write_runs(root: Path, runs: list[RunRecord]) -> None:
    """Write records where a study of their name keeps them."""
    for run in runs:
        records.write(StudyPaths(run.study, root).record(run.variant, run.seed), run)


@pytest.fixture(name="git")
def _git() -> Callable[..., str]:
    return git


@pytest.fixture(name="write_runs")
def _write_runs() -> Callable[..., None]:
    return write_runs


@pytest.fixture(autouse=True)
def _no_other_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the repository that git names to its hooks, in case one runs these tests."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose first commit, tagged `first`, has two runs of `made_up`, and whose working tree has others."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_runs(tmp_path, [make_run("se", 0, 0.70), make_run("se", 1, 0.71)])
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "First")
    git(tmp_path, "tag", "first")
    write_runs(tmp_path, [make_run("se", 0, 0.72), make_run("se", 1, 0.71), make_run("eca", 0, 0.5)])
    return tmp_path
