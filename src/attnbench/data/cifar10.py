"""CIFAR-10 as published (Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009).

torchvision reads the files and checks the MD5 of each; the archive is unpacked to a temporary folder for it. It does
not download them: its downloader has no time-out, neither retries nor resumes, and falls back to an unencrypted
connection.
"""

import tarfile
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from torchvision.datasets import CIFAR10

from attnbench.data import experiments, source_files
from attnbench.data.archives import check_sha256
from attnbench.data.download import Patience, download
from attnbench.data.source_images import LabelledImages, SourceImages
from attnbench.errors import UserError
from attnbench.study.schema import Cifar10Data

DOWNLOAD = Path("data/raw/cifar-10-python.tar.gz")  # relative to the repository root


@dataclass(frozen=True)
class Release:
    """The published archive: its address and its content."""

    url: str = source_files.CIFAR10_URL
    sha256: str = "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce"
    dataset: type[CIFAR10] = CIFAR10  # names the files in it, with their MD5
    patience: Patience = field(default_factory=Patience)


def read(data: Cifar10Data, root: Path, release: Release = Release()) -> SourceImages:
    """Read CIFAR-10 from the archive that `data` names, else from the one downloaded to `DOWNLOAD`.

    Raises:
        UserError: the archive is missing, cannot be downloaded, or is not the published one.
    """
    archive = _downloaded(root, release) if data.archive is None else _local(data.archive, root, release)
    classes, train, test = _parsed(archive, release.dataset)
    return SourceImages(
        title="CIFAR-10",
        provenance=(
            f"CIFAR-10 (Krizhevsky, 2009) as published: {len(train.labels):,} training and {len(test.labels):,} test "
            f"images of 32 x 32, from the archive with SHA-256 {release.sha256}."
        ),
        classes=classes,
        train=train,
        test=test,
    )


def _local(name: str, root: Path, release: Release) -> Path:
    archive = source_files.cifar10_archive(name, root)
    check_sha256(archive, release.sha256)
    return archive


def _downloaded(root: Path, release: Release) -> Path:
    archive = experiments.find(root, DOWNLOAD)
    if archive.is_file():
        check_sha256(archive, release.sha256)
        return archive
    advice = (
        f"Without a network, bring that file (SHA-256 {release.sha256}) from another machine, put it at {DOWNLOAD} or "
        "anywhere else, with `data: archive: <path>` in params.yaml, and run the same command again"
    )
    download(release.url, archive, release.sha256, advice=advice, patience=release.patience)
    return archive


def _parsed(archive: Path, dataset: type[CIFAR10]) -> tuple[tuple[str, ...], LabelledImages, LabelledImages]:
    with tempfile.TemporaryDirectory(prefix="cifar10-") as folder:
        try:
            with tarfile.open(archive) as packed:
                packed.extractall(folder, filter="data")
            train, test = (dataset(folder, train=is_train) for is_train in (True, False))
        except (tarfile.TarError, EOFError, RuntimeError) as error:  # RuntimeError: torchvision's checksums
            raise UserError(f"{archive} does not hold CIFAR-10: {error}; delete it and fetch it again") from None
    return tuple(train.classes), _labelled(train), _labelled(test)


def _labelled(data: CIFAR10) -> LabelledImages:
    images = np.ascontiguousarray(data.data.transpose(0, 3, 1, 2))  # (n, h, w, 3) -> (n, 3, h, w)
    return LabelledImages(images=images, labels=np.array(data.targets, dtype=np.int64))
