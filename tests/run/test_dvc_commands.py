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


def test_metrics_and_params_of_two_commits_are_small_tables(project: Project) -> None:
    assert table(project.call("dvc", "metrics", "diff", "HEAD~1")) == [
        ["Path", "Metric", "HEAD~1", "workspace", "Change"],
        [SUMMARY, "baseline.accuracy", "51.0", "52.0", "1.0"],
        [SUMMARY, "se.accuracy", "51.0", "52.0", "1.0"],
    ]
    header, *rows = table(project.call("dvc", "metrics", "show"))
    assert header[:3] == ["Path", "baseline.accuracy", "baseline.difference"]
    assert [row[0] for row in rows] == [SUMMARY, "reports/other/summary.json"]
    assert table(project.call("dvc", "params", "diff", "HEAD~1")) == [
        ["Path", "Param", "HEAD~1", "workspace"],
        ["params.yaml", "recipe.epochs", "1", "2"],
    ]


def test_a_value_that_params_yaml_does_not_set_needs_a_plus_and_a_table_shows_what_differs(project: Project) -> None:
    process = project.start("dvc", "exp", "run", "-S", "variants.se.options.reduction=8")
    output, _ = process.communicate(timeout=300)
    assert process.returncode != 0
    assert "use +variants.se.options.reduction=8" in output
    set_both = ("-S", "recipe.epochs=3", "-S", "+variants.se.options.reduction=8")
    project.call("dvc", "exp", "run", "-q", "-n", "longer", *set_both)

    hidden = r"^(data|results|runs|src|stages|reports/\w+/tables)"  # the hashes of what stages depend on
    output = project.call("dvc", "exp", "show", "--csv", "--only-changed", "--drop", hidden)
    assert not HASH.search(output)
    header, *rows = [line.split(",") for line in output.splitlines()]
    names = [f"{SUMMARY}:baseline.accuracy", f"{SUMMARY}:se.accuracy", "params.yaml:recipe.epochs"]
    assert [name for name in header if ":" in name] == names
    values = {row[0] or row[1]: [row[header.index(name)] for name in names] for row in rows}
    longer = ["53.0", "53.8", "3"]  # the stand-in adds a tenth of a point for each step of reduction
    assert values == {"longer": longer, "master": ["52.0", "52.0", "2"], "workspace": longer}


def test_the_plots_of_two_commits_are_one_page_that_needs_no_network(project: Project) -> None:
    output = project.call("dvc", "plots", "diff", "HEAD~1")
    assert output.strip().splitlines()[-1].endswith("reports/dvc_plots/index.html")
    assert "WARNING" not in output
    page = (project.root / "reports/dvc_plots/index.html").read_text()
    for title in ("learning curves", "test accuracy by variant", "against parameters", "against latency"):
        assert page.count(f'"small: {title}') + page.count(f'"small: test accuracy {title}') == 1, title
        assert page.count(f'"other: {title}') + page.count(f'"other: test accuracy {title}') == 1, title
    assert '"rev": "HEAD~1"' in page
    assert '"seed": "0"' in page
    assert "<script src" not in page
    assert "<link" not in page
    assert project.git("status", "--porcelain") == ""


def test_an_experiment_trains_what_it_changes_and_can_be_brought_back(project: Project) -> None:
    project.call("dvc", "exp", "run", "-n", "two", "-S", "seeds=[0,1]")
    names = [name for name in project.ran() if "@" in name]
    assert names == [
        f"{stage}@{variant}-1" for stage in ("ablate", "maps", "robustness", "train") for variant in ("baseline", "se")
    ]
    project.git("checkout", "-q", ".")
    project.git("clean", "-q", "-d", "--force")
    project.call("dvc", "exp", "apply", "two")
    assert "- 1" in (project.root / "params.yaml").read_text()
    assert (project.root / "results/small/runs/se-1.json").exists()
    assert "up to date" in project.call("dvc", "status", "dvc.yaml")


def test_an_experiment_on_another_study_names_its_two_files(project: Project) -> None:
    file = "studies/other/params.yaml"
    project.call("dvc", "exp", "run", "studies/other/dvc.yaml", "-S", f"{file}:recipe.epochs=3")
    assert "train@se-0" in project.ran()
    assert "epochs: 3" in (project.root / file).read_text()
    changed = project.git("status", "--porcelain").split()[1::2]
    assert changed
    assert all("other" in path for path in changed)


def test_a_queued_experiment_runs_its_own_source(project: Project) -> None:
    project.edit("src/attnbench/marker.py", "1", "2")
    project.call("dvc", "exp", "run", "--queue", "-n", "queued", "-S", "recipe.epochs=4")
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
    assert '"marker": 2' in (project.root / "results/small/runs/se-0.json").read_text()
    assert (project.root / "runs/small/se-0/checkpoint.safetensors").read_text().startswith("se-0 2 ")
    assert "epochs: 4" in (project.root / "params.yaml").read_text()


def test_weights_come_from_a_remote_and_those_of_other_studies_are_not_demanded(
    project: Project, tmp_path: Path
) -> None:
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

    clone.call("dvc", "exp", "run", "-q", "-n", "longer", "-S", "recipe.epochs=3")
    clone.git("checkout", "-q", ".")
    clone.call("dvc", "exp", "branch", "longer", "longer")  # `exp apply` ends with an error where weights are missing
    clone.git("checkout", "longer", "--", ".")
    clone.call("dvc", "checkout", "--allow-missing")
    assert "epochs: 3" in (clone.root / "params.yaml").read_text()
    assert json.loads((clone.root / "results/small/runs/se-0.json").read_text())["accuracy"] == 0.53
    assert weights.read_text().endswith(" 0.53")
