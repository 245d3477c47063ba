"""Finding the repository, the params.yaml of a study by its name, and loading a study."""

from pathlib import Path

import pytest

from attnbench.errors import UserError
from attnbench.study import load, named_studies, repository


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    (tmp_path / "params.yaml").write_text("name: quickstart\n")
    for name in ("cifar10", "pooling"):
        (tmp_path / "studies" / name).mkdir(parents=True)
        (tmp_path / "studies" / name / "params.yaml").write_text(f"name: {name}\n")
    return tmp_path


def test_the_repository_is_found_from_any_folder_of_it(root: Path) -> None:
    assert repository.root_of(root / "studies" / "cifar10") == root
    assert repository.root_of(root) == root


def test_a_missing_repository_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"is not in a repository with a dvc\.yaml and a \.dvc folder"):
        repository.root_of(tmp_path)


def test_a_study_is_found_by_its_name(root: Path) -> None:
    assert named_studies.params_of(root, None) == root / "params.yaml"
    assert named_studies.params_of(root, "quickstart") == root / "params.yaml"
    assert named_studies.params_of(root, "cifar10") == root / "studies" / "cifar10" / "params.yaml"


def test_an_unknown_study_is_refused_with_the_list_of_studies(root: Path) -> None:
    message = r"no study 'cifar'; there are 'quickstart', 'cifar10', 'pooling' \(did you mean 'cifar10'\?\)"
    with pytest.raises(UserError, match=message):
        named_studies.params_of(root, "cifar")


@pytest.mark.parametrize("name", [None, "quickstart", "cifar10"])
def test_a_study_with_the_name_of_the_one_at_the_root_is_refused(root: Path, name: str | None) -> None:
    (root / "studies/quickstart").mkdir()
    (root / "studies/quickstart/params.yaml").write_text("name: quickstart\n")
    with pytest.raises(UserError, match=r"^studies/quickstart has the name of the study at the root, .* rename the"):
        named_studies.params_of(root, name)
    with pytest.raises(UserError, match=r"^studies/quickstart has the name"):
        named_studies.files_of(root)


@pytest.mark.parametrize(
    ("device", "threads", "expected"), [("cpu", 1, 6), ("cpu", 4, 1), ("cpu", 9, 1), ("cuda", 1, 3), ("cuda:1", 1, 1)]
)
def test_as_many_runs_in_parallel_as_the_cores_allow_and_one_on_each_accelerator(
    monkeypatch: pytest.MonkeyPatch, device: str, threads: int, expected: int
) -> None:
    monkeypatch.setattr("attnbench.machine.cores", lambda: 6)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    study = load(Path("params.yaml"))
    machine = study.machine.model_copy(update={"device": device, "threads": threads})
    located = repository.LocatedStudy(Path(), Path("params.yaml"), study.model_copy(update={"machine": machine}))
    assert located.workers == expected
