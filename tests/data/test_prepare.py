"""From a `data` section to the file of prepared images and its record."""

import re
import resource
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from recorded_run import run_stage

from attnbench import records
from attnbench.code.fingerprint import Fingerprints
from attnbench.data import cifar10
from attnbench.data.prepare import prepare, summary
from attnbench.data.source_images import LabelledImages, SourceImages
from attnbench.errors import UserError
from attnbench.records import files, prepared
from attnbench.study import load
from attnbench.study.paths import StudyPaths
from attnbench.study.schema import Cifar10Data, FolderData, ShapesData

SHAPES = ShapesData(source="shapes", train_images=200, test_images=30, seed=5, split_seed=1)
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shapes() -> prepared.Prepared:
    return prepare(SHAPES, Path())


def test_split_and_statistics(shapes: prepared.Prepared) -> None:
    assert len(shapes.train_index) == 180
    assert torch.bincount(shapes.train_labels[shapes.validation_index]).tolist() == [2] * 10
    pixels = shapes.train_images[shapes.train_index].double() / 255
    assert shapes.description.mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), rel=1e-9)
    assert shapes.description.std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist(), rel=1e-9)
    assert shapes.description.split_seed == 1


def test_split_seed_changes_only_the_split(shapes: prepared.Prepared) -> None:
    other = prepare(SHAPES.model_copy(update={"split_seed": 2}), Path())
    assert torch.equal(other.train_images, shapes.train_images)
    assert not torch.equal(other.validation_index, shapes.validation_index)


def test_folder_is_dispatched_relative_to_the_root(tmp_path: Path) -> None:
    config = FolderData(source="folder", path="raw/pets", title="Pets", provenance="Mine.", split_seed=0)
    with pytest.raises(UserError, match=f"'raw/pets' does not exist .{tmp_path}/raw/pets"):
        prepare(config, tmp_path)


def test_cifar10_is_dispatched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.arange(4 * 3 * 8 * 8, dtype=np.uint8).reshape(4, 3, 8, 8)
    part = LabelledImages(images, np.array([0, 0, 1, 1]))
    monkeypatch.setattr(cifar10, "read", lambda *_: SourceImages("CIFAR-10", "Published.", ("a", "b"), part, part))
    data = prepare(Cifar10Data(source="cifar10", split_seed=0), tmp_path)
    assert data.description.title == "CIFAR-10"
    assert data.train_masks is None


def test_summary_describes_the_images(shapes: prepared.Prepared) -> None:
    record = summary("quick", shapes)
    assert (record.train, record.validation, record.test) == (180, 20, 30)
    assert record.image_shape == (3, 32, 32)
    assert record.classes == list(shapes.description.classes)
    assert record.sha256 == shapes.sha256()
    assert record.tensors_sha256.keys() == shapes.arrays().keys()
    assert record.provenance.startswith("230 images of 32 x 32 drawn by this program from seed 5")


def test_save_and_load(shapes: prepared.Prepared, tmp_path: Path) -> None:
    prepared.save(tmp_path / "a.safetensors", shapes)
    prepared.save(tmp_path / "b.safetensors", shapes)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    loaded = prepared.load(tmp_path / "a.safetensors")
    assert loaded.description == shapes.description
    assert loaded.sha256() == shapes.sha256()
    for name, array in loaded.arrays().items():
        assert np.array_equal(array, shapes.arrays()[name])


def test_save_and_load_without_masks(shapes: prepared.Prepared, tmp_path: Path) -> None:
    bare = replace(shapes, train_masks=None, test_masks=None)
    prepared.save(tmp_path / "a.safetensors", bare)
    assert prepared.load(tmp_path / "a.safetensors").train_masks is None
    assert bare.sha256() != shapes.sha256()


def test_sha256_covers_every_word(shapes: prepared.Prepared) -> None:
    renamed = replace(shapes, description=replace(shapes.description, title="other"))
    assert renamed.sha256() != shapes.sha256()
    assert renamed.tensors_sha256() == shapes.tensors_sha256()


def test_a_damaged_file_is_refused(shapes: prepared.Prepared, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    prepared.save(path, shapes)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(
        UserError, match=r"a\.safetensors is not a prepared data set .*delete it and run `dvc repro data`"
    ):
        prepared.load(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="are missing; run `dvc repro data`"):
        prepared.load(tmp_path / "a.safetensors")


def stage(folder: Path) -> str:
    """Run the data stage in `folder` on a small copy of the root study, with its fingerprint; return its message."""
    text = (REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    for key, count in (("train_images", 200), ("test_images", 30)):
        text = re.sub(rf"{key}: \d+", f"{key}: {count}", text)
    (folder / "params.yaml").write_text(text, encoding="utf-8")
    fingerprint = Fingerprints(load(folder / "params.yaml")).data()
    files.write_json(StudyPaths("quickstart", folder).code("data"), fingerprint)
    return run_stage(folder, "data")


def test_stage_writes_the_images_and_their_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stage(tmp_path) == ""
    assert capsys.readouterr().out == "generated shapes: 200 training, 30 test images\n"
    paths = StudyPaths("quickstart", tmp_path)
    record = records.read(paths.data_summary, records.DataSummary)
    assert record.sha256 == prepared.load(paths.prepared).sha256()
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()) == [
        "data/quickstart.safetensors",
        "params.yaml",
        "results/quickstart/code/data.json",
        "results/quickstart/data.json",
    ]


def test_stage_leaves_nothing_when_the_disk_is_full(tmp_path: Path) -> None:
    """A limit on the size of files makes the write fail in the middle, as a full disk does."""
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        message = stage(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert message.startswith("error: no space left for data/quickstart.safetensors; nothing of it was kept")
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == ["params.yaml", "results/quickstart/code/data.json"]
