"""The copies of dvc.yaml that make folders studies of DVC's, and what of the graph is ready to run, in which order."""

import subprocess
from pathlib import Path

import params as small
import pytest

from attnbench.run import graph, pipeline
from attnbench.run.graph import Stage
from attnbench.run.schedule import Schedule, share

from .conftest import Project

ROOT = Path(__file__).parents[2]


@pytest.fixture
def params(tmp_path: Path) -> Path:
    """Return the params.yaml of a study that never ran, in a repository."""
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    path = tmp_path / "studies" / "other" / "params.yaml"
    path.parent.mkdir(parents=True)
    path.write_text("name: other\n")
    return path


def test_a_study_gets_a_copy_that_follows_the_original(tmp_path: Path, params: Path) -> None:
    copy = params.with_name("dvc.yaml")
    for text in ("stages: {}\n", "stages: {}\n# more\n"):
        (tmp_path / "dvc.yaml").write_text(text)
        assert pipeline.write_copy(tmp_path, params) == "studies/other/dvc.yaml"
        assert copy.read_text() == text
    assert pipeline.write_copy(tmp_path, tmp_path / "params.yaml") == "dvc.yaml"


def test_a_dvc_yaml_in_another_encoding_is_copied_as_it_is(tmp_path: Path, params: Path) -> None:
    (tmp_path / "dvc.yaml").write_bytes("# Größe\n".encode("latin-1"))
    for _ in range(2):
        pipeline.write_copy(tmp_path, params)
        assert params.with_name("dvc.yaml").read_bytes() == (tmp_path / "dvc.yaml").read_bytes()
    pipeline.write_copy(tmp_path, tmp_path / "params.yaml")


def test_a_copy_takes_the_place_of_a_link(tmp_path: Path, params: Path) -> None:
    copy = params.with_name("dvc.yaml")
    copy.symlink_to("../../dvc.yaml")
    pipeline.write_copy(tmp_path, params)
    assert not copy.is_symlink()
    assert copy.read_bytes() == (tmp_path / "dvc.yaml").read_bytes()


def test_a_copy_is_taken_away_with_its_lock(tmp_path: Path, params: Path) -> None:
    file = pipeline.write_copy(tmp_path, params)
    params.with_name("dvc.lock").write_text("{}\n")
    pipeline.remove_copy(tmp_path, file)
    assert [path.name for path in params.parent.iterdir()] == ["params.yaml"]
    assert (tmp_path / "dvc.yaml").exists()


def test_every_copy_in_git_equals_the_original_and_nothing_is_a_link() -> None:
    listed = subprocess.run(["git", "ls-files", "-s"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    entries = [line.split(maxsplit=3) for line in listed.splitlines()]
    assert not [name for mode, _, _, name in entries if mode == "120000"]
    copies = [name for _, _, _, name in entries if name.startswith("studies/") and name.endswith("/dvc.yaml")]
    for name in copies:
        assert (ROOT / name).read_bytes() == (ROOT / "dvc.yaml").read_bytes(), name


def test_a_first_run_that_records_nothing_leaves_no_copy(project: Project) -> None:
    folder = project.add_study("other")
    (project.root / "broken").write_text("data")
    process = project.start("attnbench", "run", "other")
    output, _ = process.communicate(timeout=120)
    assert "other: failed: data; " in output
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]

    failing = "train@baseline-0 train@baseline-1 train@se-0 train@se-1"  # latency, which is no preparation, is recorded
    (project.root / "broken").write_text(failing)
    process = project.start("attnbench", "run", "other")
    output, _ = process.communicate(timeout=300)
    names = output.partition("other: failed: ")[2].partition(";")[0].split(", ")  # in the order in which they ended
    assert sorted(names) == sorted(failing.split())
    assert sorted(path.name for path in folder.iterdir()) == ["dvc.lock", "dvc.yaml", "params.yaml"]
    assert not (project.root / "dvc.lock").exists()


def stage(name: str, needs: str = "", *, stale: bool = True) -> Stage:
    return Stage(name, changed=stale, stale=stale, needs=frozenset(needs.split()))


STAGES = [
    stage("data", stale=False),
    stage("train@se-0", "data"),
    stage("train@se-1", "data"),
    stage("views@se", "train@se-0"),
    stage("analyse", "train@se-0 train@se-1", stale=False),
    stage("report", "views@se analyse"),
]


def test_downstream_is_what_needs_a_stage_directly_or_not() -> None:
    assert graph.downstream(STAGES, ["train@se-0"]) == {"views@se", "analyse", "report"}
    assert graph.downstream(STAGES, ["train@se-1"]) == {"analyse", "report"}
    assert graph.downstream(STAGES, []) == set()


def names(stages: list[Stage]) -> list[str]:
    return [stage.name for stage in stages]


def test_a_stage_is_ready_when_nothing_that_it_needs_is_open() -> None:
    """The report needs a stage that is not stale yet, but may be."""
    schedule = Schedule(small.study(), STAGES)
    assert names(schedule.ready) == ["train@se-0", "train@se-1"]
    for name in ("train@se-0", "train@se-1"):
        schedule.start(name)
    assert schedule.ready == []
    schedule.close("train@se-0")
    schedule.fail("train@se-1")
    assert names(schedule.ready) == ["views@se"]
    assert names(schedule.skipped) == ["analyse", "report"]
    schedule.reopen(["data"])
    assert names(schedule.ready) == ["data", "views@se"]


def test_a_seed_is_finished_before_the_next_begins() -> None:
    runs = [f"{variant}-{seed}" for variant in ("baseline", "se") for seed in (0, 1)]
    ablations = [stage(f"ablate@{run}") for run in runs]
    others = [stage("views@se"), Stage("latency", changed=True, stale=True, alone=True), stage("other")]
    schedule = Schedule(small.study(), [*others, *ablations, *(stage(f"train@{run}", "cost") for run in runs)])
    of_seed = [f"{kind}@{variant}-{{}}" for kind in ("train", "ablate") for variant in ("baseline", "se")]
    order = [name.format(seed) for seed in (0, 1) for name in of_seed]
    assert names(schedule.waiting) == ["latency", *order, "views@se", "other"]


def test_a_share_has_its_seeds_and_what_can_be_made_of_them() -> None:
    """The views are those of another seed, so the report cannot be made; the tables can."""
    absent = {"views@se": [{"train@se-0"}], "report": [{"views@se"}], "analyse": [{"train@se-0", "train@se-1"}]}
    kept = share(small.study(), STAGES, [1], absent)
    assert {stage.name: set(stage.needs) for stage in kept} == {
        "data": set(),
        "train@se-1": {"data"},
        "analyse": {"train@se-1"},
    }
