"""A repository with one run of every kind of module, as training leaves it; its weights are random."""

import shutil
from pathlib import Path

import params
import pytest
from made_records import make_run
from made_study import data_summary

from attnbench import networks, records
from attnbench.code.fingerprint import Fingerprints
from attnbench.records import files, tensors
from attnbench.study import StudyPaths, load

ROOT = Path(__file__).parents[2]
VARIANTS = {
    "baseline": {"attention": "none"},
    "cbam": {"attention": "cbam", "site": "after_pool", "options": {"reduction": 4, "norm_weight": 1.0}},
    "se": {"attention": "se", "site": "after_pool"},
    "sa": {"attention": "shuffle", "site": "after_pool", "options": {"groups": 4}},
}


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository, whose records are those of its weights and of this code."""
    root = tmp_path_factory.mktemp("repository")
    (root / ".dvc").mkdir()
    shutil.copy(ROOT / "dvc.yaml", root)
    backbone = {"name": "cnn", "options": {"width": 8, "hidden": 16}}
    study = load(params.write(root, variants=VARIANTS, backbone=backbone, seeds=[0]))
    paths, data, code = StudyPaths(study.name, root), data_summary(study), Fingerprints(study)
    records.write(paths.data_summary, data)
    for variant in study.variants:
        network = networks.build(study, variant, data, 0)
        arrays = {name: tensor.numpy() for name, tensor in network.state_dict().items()}
        tensors.write(paths.checkpoint(variant, 0), arrays, {})
        identity = {"data": data.sha256, "params": records.params_sha256(study, variant)}
        identity["code"] = code.of("train", variant)["sha256"]
        sha256 = files.sha256_of(paths.checkpoint(variant, 0))
        record = make_run(variant, 0, 0.5, study=study.name, checkpoint_sha256=sha256, **identity)
        records.write(paths.record(variant, 0), record)
    return root


@pytest.fixture
def repository(made: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository as the current folder; a test leaves it as it was."""
    monkeypatch.chdir(made)
    return made


@pytest.fixture
def copied(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the repository as the current folder, to change."""
    shutil.copytree(made, tmp_path / "copied")
    monkeypatch.chdir(tmp_path / "copied")
    return tmp_path / "copied"
