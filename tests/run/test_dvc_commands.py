"""DVC as its users type it: docs/dvc.md has these commands, on the real dvc.yaml with stand-ins for the stages."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .conftest import Project, new_project

SUMMARY = "reports/small/summary.json"
HASH = re.compile(r"[0-9a-f]{32}")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a project of two studies with one seed, and two commits: the second has two epochs instead of one."""
    project = new_project(tmp_path_factory.mktemp("published"), seeds=[0])
    folder = project.add_study("other")
    (folder / "dvc.yaml").write_bytes((project.root / "dvc.yaml").read_bytes())
    project.call("dvc", "repro", "-q", "dvc.yaml", "studies/other/dvc.yaml")
    project.commit("Run two studies")
    project.edit("params.yaml", "epochs: 1", "epochs: 2")
    project.call("dvc", "repro", "-q")
    project.commit("Train for two epochs")
    return project


@pytest.fixture
def project(published: Project) -> Iterator[Project]:
    """Return the project, and undo afterwards what the test changed."""
    published.ran()
    yield published
    published.git("checkout", "-q", ".")
    published.git("clean", "-q", "-d", "--force")
    published.call("dvc", "checkout", "-q")


def table(output: str) -> list[list[str]]:
    """Return the cells of a table that DVC wrote, line by line; refuse warnings and hashes."""
    assert "WARNING" not in output
    assert "ERROR" not in output
    assert not HASH.search(output)
    return [re.split(r"\s{2,}", line.strip()) for line in output.splitlines() if line.strip()]


def test_metrics_and_params_of_two_commits_are_small_tables(published: Project) -> None:
    assert table(published.call("dvc", "metrics", "diff", "HEAD~1")) == [
        ["Path", "Metric", "HEAD~1", "workspace", "Change"],
        [SUMMARY, "baseline.accuracy", "51.0", "52.0", "1.0"],
        [SUMMARY, "se.accuracy", "51.0", "52.0", "1.0"],
    ]
    header, *rows = table(published.call("dvc", "metrics", "show"))
    assert header[:3] == ["Path", "baseline.accuracy", "baseline.difference"]
    assert [row[0] for row in rows] == [SUMMARY, "reports/other/summary.json"]
    assert table(published.call("dvc", "params", "diff", "HEAD~1")) == [
        ["Path", "Param", "HEAD~1", "workspace"],
        ["params.yaml", "recipe.epochs", "1", "2"],
    ]


def test_the_plots_of_two_commits_are_one_page_that_needs_no_network(published: Project) -> None:
    output = published.call("dvc", "plots", "diff", "HEAD~1")
    assert output.strip().splitlines()[-1].endswith("reports/dvc_plots/index.html")
    assert "WARNING" not in output
    page = (published.root / "reports/dvc_plots/index.html").read_text()
    for title in ("learning curves", "test accuracy by variant", "against parameters", "against latency"):
        assert page.count(f'"small: {title}') + page.count(f'"small: test accuracy {title}') == 1, title
        assert page.count(f'"other: {title}') + page.count(f'"other: test accuracy {title}') == 1, title
    assert '"rev": "HEAD~1"' in page
    assert '"seed": "0"' in page
    assert "<script src" not in page
    assert "<link" not in page
    assert published.git("status", "--porcelain") == ""


def test_a_queued_experiment_on_another_study_runs_its_own_source_and_can_be_applied(project: Project) -> None:
    file, pipeline = "studies/other/params.yaml", "studies/other/dvc.yaml"
    values = ("-S", f"{file}:recipe.epochs=4", "-S", f"{file}:seeds=[0,1]")
    project.edit("src/attnbench/marker.py", "1", "2")
    project.call("dvc", "exp", "run", "--queue", "-n", "queued", pipeline, *values)
    project.edit("src/attnbench/marker.py", "2", "1")
    project.call("dvc", "queue", "start")
    deadline = time.monotonic() + 300
    while "Success" not in (status := project.call("dvc", "queue", "status")):
        assert "Failed" not in status
        assert time.monotonic() < deadline
        time.sleep(1)
    assert project.git("status", "--porcelain") == ""  # nothing of it ran here
    assert project.ran() == []
    project.call("dvc", "exp", "apply", "queued")
    assert "epochs: 4" in (project.root / file).read_text()
    assert (project.root / "results/other/runs/se-1.json").exists()
    assert '"marker": 2' in (project.root / "results/other/runs/se-0.json").read_text()
    assert (project.root / "runs/other/se-0/checkpoint.safetensors").read_text().startswith("se-0 2 ")
    changed = set(project.git("status", "--porcelain").split()[1::2]) - {"src/attnbench/marker.py"}
    assert changed
    assert all("other" in path for path in changed)
    assert "up to date" in project.call("dvc", "status", pipeline)


def test_a_clone_has_its_weights_from_a_remote_and_experiments_of_its_own(project: Project, tmp_path: Path) -> None:
    project.call("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    project.call("dvc", "push", "-q", "dvc.yaml")
    project.git("clone", "-q", str(project.root), str(tmp_path / "clone"))
    clone = Project(tmp_path / "clone")
    clone.call("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    weights = clone.root / "runs/small/se-0/checkpoint.safetensors"
    clone.call("dvc", "pull", "-q", "dvc.yaml")
    assert weights.exists()
    assert "up to date" in clone.call("dvc", "status", "dvc.yaml")
    weights.unlink()
    clone.call("dvc", "pull", "-q", "--allow-missing")
    assert weights.exists()
    assert not list((clone.root / "runs/other").rglob("*.safetensors"))

    process = clone.start("dvc", "exp", "run", "-S", "variants.se.options.reduction=8")
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "use +variants.se.options.reduction=8" in output
    set_both = ("-S", "recipe.epochs=3", "-S", "+variants.se.options.reduction=8")
    clone.call("dvc", "exp", "run", "-q", "-n", "longer", *set_both)

    hidden = r"^(data|results|runs|src|stages|reports/\w+/tables)"  # the hashes of what stages depend on
    output = clone.call("dvc", "exp", "show", "--csv", "--only-changed", "--drop", hidden)
    assert not HASH.search(output)
    header, *rows = [line.split(",") for line in output.splitlines()]
    names = [f"{SUMMARY}:baseline.accuracy", f"{SUMMARY}:se.accuracy", "params.yaml:recipe.epochs"]
    assert [name for name in header if ":" in name] == names
    values = {row[0] or row[1]: [row[header.index(name)] for name in names] for row in rows}
    longer = ["53.0", "53.8", "3"]  # the stand-in adds a tenth of a point for each step of reduction
    assert values == {"longer": longer, "master": ["52.0", "52.0", "2"], "workspace": longer}

    clone.git("checkout", "-q", ".")
    clone.call("dvc", "exp", "branch", "longer", "longer")  # `exp apply` ends with an error where weights are missing
    clone.git("checkout", "longer", "--", ".")
    clone.call("dvc", "checkout", "--allow-missing")
    assert "epochs: 3" in (clone.root / "params.yaml").read_text()
    assert json.loads((clone.root / "results/small/runs/se-0.json").read_text())["accuracy"] == pytest.approx(0.538)
    assert weights.read_text().startswith("se-0 1 0.538")
