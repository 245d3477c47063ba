"""Finding the repository and its studies, and the link that makes a folder a study of DVC's."""

from pathlib import Path

import pytest

from attnbench.errors import UserError
from attnbench.run import graph
from attnbench.run import reproduce as pipeline
from attnbench.study import load, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("study: quickstart\n")
    for name in ("cifar10", "pooling"):
        (tmp_path / "studies" / name).mkdir(parents=True)
        (tmp_path / "studies" / name / "params.yaml").write_text(f"study: {name}\n")
    return tmp_path


def test_the_repository_is_found_from_any_folder_of_it(root: Path) -> None:
    assert repository.root_of(root / "studies" / "cifar10") == root
    assert repository.root_of(root) == root


def test_no_repository_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is in no repository with a dvc\.yaml and a \.dvc folder"):
        repository.root_of(tmp_path)


def test_a_study_is_found_by_its_name(root: Path) -> None:
    assert repository.params_of(root, None) == root / "params.yaml"
    assert repository.params_of(root, "quickstart") == root / "params.yaml"
    assert repository.params_of(root, "cifar10") == root / "studies" / "cifar10" / "params.yaml"


def test_an_unknown_study_is_answered_with_those_there_are(root: Path) -> None:
    message = r"no study 'cifar'; there are 'quickstart', 'cifar10', 'pooling' \(did you mean 'cifar10'\?\)"
    with pytest.raises(UserError, match=message):
        repository.params_of(root, "cifar")


@pytest.mark.parametrize(
    ("device", "threads", "expected"), [("cpu", 1, 6), ("cpu", 4, 1), ("cpu", 9, 1), ("cuda", 1, 1)]
)
def test_as_many_runs_as_the_cores_carry_and_one_on_an_accelerator(
    monkeypatch: pytest.MonkeyPatch, device: str, threads: int, expected: int
) -> None:
    monkeypatch.setattr("attnbench.machine.cores", lambda: 6)
    study = load(Path("params.yaml"))
    machine = study.machine.model_copy(update={"device": device, "threads": threads})
    place = repository.LocatedStudy(Path(), Path("params.yaml"), study.model_copy(update={"machine": machine}))
    assert place.workers == expected


def test_the_first_run_lays_the_link(root: Path) -> None:
    params = root / "studies" / "cifar10" / "params.yaml"
    for _ in range(2):
        assert repository.pipeline_file(root, params) == "studies/cifar10/dvc.yaml"
        assert (params.parent / "dvc.yaml").readlink() == Path("../../dvc.yaml")
    assert not (root / "studies" / "pooling" / "dvc.yaml").exists()
    assert repository.pipeline_file(root, root / "params.yaml") == "dvc.yaml"


def test_a_file_in_the_place_of_the_link_is_refused(root: Path) -> None:
    (root / "studies" / "cifar10" / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(UserError, match=r"dvc\.yaml is not a link to \.\./\.\./dvc\.yaml; remove it"):
        repository.pipeline_file(root, root / "studies" / "cifar10" / "params.yaml")


@pytest.mark.parametrize("jobs", [0, -1])
def test_fewer_than_one_job_is_refused(root: Path, jobs: int) -> None:
    with pytest.raises(UserError, match=f"--jobs: given {jobs}; must be at least 1"):
        pipeline.reproduce(None, jobs, root)


def stage(name: str, reads: str = "", writes: str = "") -> graph.Stage:
    return graph.Stage(name, name, True, tuple(map(Path, reads.split())), tuple(map(Path, writes.split())))


def test_what_reads_a_missing_output_is_blocked_through_folders_too() -> None:
    stages = [
        stage("train@se-0", "data", "runs/se-0/weights"),
        stage("train@se-1", "data", "runs/se-1/weights"),
        stage("views@se", "runs/se-0/weights", "views/se"),
        stage("analyse", "runs", "tables"),
        stage("report", "views tables", "report"),
    ]
    assert graph.downstream(stages, ["train@se-0"]) == {"views@se", "analyse", "report"}
    assert graph.downstream(stages, ["train@se-1"]) == {"analyse", "report"}
    assert graph.downstream(stages, []) == set()


def test_the_link_of_a_study_that_never_ran_can_be_taken_back(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "dvc.lock").write_text("{}\n")
    folder = tmp_path / "studies" / "new"
    folder.mkdir(parents=True)
    (folder / "params.yaml").write_text("study: new\n")
    file = repository.pipeline_file(tmp_path, folder / "params.yaml")
    (folder / "dvc.lock").write_text("{}\n")
    repository.take_back(tmp_path, file)
    assert [path.name for path in folder.iterdir()] == ["params.yaml"]
    repository.take_back(tmp_path, "dvc.yaml")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dvc.lock", "dvc.yaml", "studies"]
