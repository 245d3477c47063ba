"""A small git repository with records of runs."""

from pathlib import Path

import pytest
from git_repository import commit_all, git
from made_records import make_run, write_runs


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository: its commit `first` has two runs of study `made_up`, its working tree three others."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_runs(tmp_path, [make_run("se", 0, 0.70), make_run("se", 1, 0.71)])
    git(tmp_path, "init", "-q")
    commit_all(tmp_path, "First")
    git(tmp_path, "tag", "first")
    write_runs(tmp_path, [make_run("se", 0, 0.72), make_run("se", 1, 0.71), make_run("eca", 0, 0.5)])
    return tmp_path
