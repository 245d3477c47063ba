"""CIFAR-10 from an archive in its format, a thousand times smaller."""

import hashlib
import io
import pickle
import tarfile
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from torchvision.datasets import CIFAR10

from attnbench.data import cifar10
from attnbench.data.download import Patience
from attnbench.errors import UserError
from attnbench.records import files
from attnbench.study.schema import Cifar10Data

CLASSES = ["airplane", "automobile", "bird"]
BATCH = 6  # images
CONFIG = Cifar10Data(source="cifar10", split_seed=0)
LOCAL = Cifar10Data(source="cifar10", split_seed=0, archive="copy.tar.gz")
NOWHERE = "http://127.0.0.1:9/cifar-10-python.tar.gz"


def pixels(batch: int) -> np.ndarray:
    return np.random.default_rng(batch).integers(0, 256, (BATCH, 3072), dtype=np.uint8)


def labels(batch: int) -> list[int]:
    return [(batch + image) % 3 for image in range(BATCH)]


def contents() -> dict[str, bytes]:
    batches = {f"data_batch_{number}": number for number in range(1, 6)} | {"test_batch": 6}
    packed = {name: pickle.dumps({"data": pixels(n), "labels": labels(n)}) for name, n in batches.items()}
    return packed | {"batches.meta": pickle.dumps({"label_names": CLASSES})}


def write(path: Path, content: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return path


def release(archive: Path, url: str = NOWHERE) -> cifar10.Release:
    """The published constants, but of the tiny archive."""
    md5 = {name: hashlib.md5(data).hexdigest() for name, data in contents().items()}

    class Tiny(CIFAR10):
        train_list: ClassVar = [[name, md5[name]] for name in sorted(md5) if name.startswith("data")]
        test_list: ClassVar = [["test_batch", md5["test_batch"]]]
        meta: ClassVar = {"filename": "batches.meta", "key": "label_names", "md5": md5["batches.meta"]}

    patience = Patience(attempts=2, pause_seconds=0.01, connect_seconds=0.5, silence_seconds=0.5)
    return cifar10.Release(url=url, sha256=files.sha256_of(archive), dataset=Tiny, patience=patience)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return write(tmp_path / "copy.tar.gz", contents())


def test_pixels_labels_and_names(archive: Path, tmp_path: Path) -> None:
    images = cifar10.read(LOCAL, tmp_path, release(archive))
    assert images.classes == tuple(CLASSES)
    assert images.title == "CIFAR-10"
    assert images.train.images.shape == (30, 3, 32, 32)
    assert np.array_equal(images.train.images[6:12], pixels(2).reshape(BATCH, 3, 32, 32))
    assert images.train.images.flags.c_contiguous
    assert images.train.labels.tolist() == [label for batch in range(1, 6) for label in labels(batch)]
    assert np.array_equal(images.test.images, pixels(6).reshape(BATCH, 3, 32, 32))
    assert images.test.labels.dtype == np.int64
    assert "30 training and 6 test images" in images.provenance


def test_the_unpacked_files_are_removed(
    archive: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    cifar10.read(LOCAL, archive.parent, release(archive))
    assert list(temporary.iterdir()) == []
    assert list(archive.parent.iterdir()) == [archive]


def test_a_downloaded_archive_is_used(archive: Path, tmp_path: Path) -> None:
    published = release(archive)
    download = tmp_path / cifar10.DOWNLOAD
    download.parent.mkdir(parents=True)
    archive.rename(download)
    assert len(cifar10.read(CONFIG, tmp_path, published).train.labels) == 30


@pytest.mark.parametrize("data", [CONFIG, LOCAL])
def test_an_experiment_uses_the_archive_of_the_main_checkout(archive: Path, tmp_path: Path, data: Cifar10Data) -> None:
    experiment = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1"
    experiment.mkdir(parents=True)
    published = release(archive)
    if data is CONFIG:
        (tmp_path / cifar10.DOWNLOAD).parent.mkdir(parents=True)
        archive.rename(tmp_path / cifar10.DOWNLOAD)
    assert len(cifar10.read(data, experiment, published).train.labels) == 30


def test_a_missing_local_archive(archive: Path, tmp_path: Path) -> None:
    published = release(archive)
    archive.unlink()
    with pytest.raises(
        UserError, match=r"archive: 'copy\.tar\.gz' does not exist.*remove the key to have it downloaded"
    ):
        cifar10.read(LOCAL, tmp_path, published)


def test_altered_archive(archive: Path, tmp_path: Path) -> None:
    published = release(archive)
    archive.write_bytes(archive.read_bytes()[:-9])
    with pytest.raises(UserError, match=f"expected {published.sha256}"):
        cifar10.read(LOCAL, tmp_path, published)


def test_archive_of_something_else(tmp_path: Path) -> None:
    other = write(tmp_path / "copy.tar.gz", contents() | {"data_batch_3": b"altered"})
    with pytest.raises(UserError, match="does not hold CIFAR-10: Dataset not found or corrupted"):
        cifar10.read(LOCAL, tmp_path, release(other))


def test_no_network_says_what_to_put_where(archive: Path, tmp_path: Path) -> None:
    published = release(archive)
    with pytest.raises(UserError) as raised:
        cifar10.read(CONFIG, tmp_path, published)
    text = str(raised.value)
    assert f"cannot download {NOWHERE}" in text
    assert f"SHA-256 {published.sha256}" in text
    assert "put it at data/raw/cifar-10-python.tar.gz or anywhere else, with `data: archive: <path>`" in text
    assert "\n" not in text
    assert [path.name for path in (tmp_path / "data" / "raw").iterdir()] == ["cifar-10-python.tar.gz.lock"]


def test_published_constants_agree_with_torchvision() -> None:
    published = cifar10.Release()
    assert published.url == CIFAR10.url
    assert published.dataset is CIFAR10
    assert len(published.sha256) == 64
