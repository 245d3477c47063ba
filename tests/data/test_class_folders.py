"""Class folders and archives of them: images that are read, and problems that are reported."""

import errno
import io
import os
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from attnbench.data import archives, folder
from attnbench.data.decode import is_image
from attnbench.data.source_images import SourceImages
from attnbench.errors import UserError
from attnbench.records import files
from attnbench.study.schema import FolderData

SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2", ".zip")
_MODES = {"gz": "w:gz", "tgz": "w:gz", "xz": "w:xz", "txz": "w:xz", "bz2": "w:bz2", "tbz2": "w:bz2", "tar": "w"}


def png(colour: int, size: tuple[int, int] = (8, 8), mode: str = "RGB") -> bytes:
    """An image of one grey level."""
    pixels = np.full((*size[::-1], 3), colour, dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def small_set() -> dict[str, bytes]:
    """Two classes, three training and two test images of each; all grey levels differ."""
    counts = {"train": 3, "test": 2}
    return {
        f"{part}/{name}/{number}.png": png(100 * (part == "test") + 10 * label + number)
        for part, count in counts.items()
        for label, name in enumerate(("cat", "dog"))
        for number in range(count)
    }


def write_folder(path: Path, content: dict[str, bytes]) -> Path:
    for name, data in content.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def write_archive(path: Path, content: dict[str, bytes], above: str = "") -> Path:
    """Pack in an order that is not the alphabetical one."""
    items = [(above + name, data) for name, data in reversed(content.items())]
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in items:
                archive.writestr(name, data)
        return path
    with tarfile.open(path, _MODES[path.name.rpartition(".")[2]]) as tar:
        for name, data in items:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path


def data(path: Path, sha256: str | None = None, image_size: int = 8) -> FolderData:
    return FolderData(
        source="folder",
        path=path.name,
        title="Pets",
        provenance="Drawn for a test.",
        image_size=image_size,
        sha256=sha256,
        split_seed=0,
    )


def read(path: Path, sha256: str | None = None, image_size: int = 8) -> SourceImages:
    return folder.read(data(path, sha256, image_size), path.parent)


def assert_small_set(images: SourceImages) -> None:
    assert images.classes == ("cat", "dog")
    assert images.train.images.shape == (6, 3, 8, 8)
    assert images.train.images[:, 1, 3, 5].tolist() == [0, 1, 2, 10, 11, 12]
    assert images.train.labels.tolist() == [0, 0, 0, 1, 1, 1]
    assert images.test.images[:, 2, 7, 0].tolist() == [100, 101, 110, 111]
    assert images.test.labels.tolist() == [0, 0, 1, 1]
    assert images.train.images.dtype == np.uint8
    assert images.train.labels.dtype == np.int64


def test_folder_is_read_by_part_class_and_name(tmp_path: Path) -> None:
    images = read(write_folder(tmp_path / "pets", small_set()))
    assert_small_set(images)
    assert images.title == "Pets"
    assert images.provenance == "Drawn for a test."


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("above", ["", "./", "pets-1.0/"])
def test_archive_gives_the_same_as_the_folder(tmp_path: Path, suffix: str, above: str) -> None:
    assert_small_set(read(write_archive(tmp_path / f"pets{suffix}", small_set(), above)))


def test_nothing_is_unpacked(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "pets.tar.gz", small_set())
    read(archive)
    assert list(tmp_path.iterdir()) == [archive]


def test_rgb_pixels_keep_their_place(tmp_path: Path) -> None:
    content = small_set()
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    content["train/cat/0.png"] = stream.getvalue()
    images = read(write_folder(tmp_path / "pets", content))
    assert np.array_equal(images.train.images[0].transpose(1, 2, 0), pixels)


def test_other_files_are_ignored_and_counted(tmp_path: Path) -> None:
    content = small_set() | {
        "README.md": b"pets",
        "train/cat/notes.txt": b"a cat",
        "train/cat/._0.png": b"a resource fork",
        "__MACOSX/train/cat/1.png": b"another",
    }
    images = read(write_archive(tmp_path / "pets.zip", content))
    assert_small_set(images)
    assert images.provenance == "Drawn for a test. 2 other files were ignored."


def test_an_image_is_one_by_its_content(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    content = {name.replace("1.png", "1.jfif").replace("2.png", "2"): data for name, data in small_set().items()}
    assert_small_set(read(write_archive(tmp_path / "pets.zip", content)))
    assert caplog.messages == []
    content |= {"train/cat/9.heic": b"\0\0\0\x18ftypheic", "test/cat/9.heic": b"", "train/dog/notes": b"BM, a dog"}
    content["train/dog/notes.\x1b[2J"] = b""
    assert_small_set(read(write_folder(tmp_path / "pets", content)))
    [line] = caplog.messages
    assert line.startswith("warning: pets: 4 files in class folders are left out, since they have none of the formats")
    assert line.endswith("2 .heic, 2 with another or no suffix; the first is 'test/cat/9.heic'")


@pytest.mark.parametrize("kind", ["BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP"])
def test_each_format_is_known_by_its_first_bytes(kind: str) -> None:
    for mode in ("RGB", "L", "1"):
        stream = io.BytesIO()
        Image.new(mode, (40, 30)).convert("L" if (mode, kind) == ("1", "JPEG") else mode).save(stream, kind)
        assert is_image(stream.getvalue()[: archives.HEAD])


def test_a_class_is_the_same_however_a_file_system_writes_it(tmp_path: Path) -> None:
    composed, decomposed = "caf\xe9", "cafe\u0301"
    content = {
        name.replace("cat", composed if name.startswith("train") else decomposed): data
        for name, data in small_set().items()
    }
    images = read(write_folder(tmp_path / "pets", content))
    assert images.classes == (composed, "dog")
    assert images.test.labels.tolist() == [0, 0, 1, 1]


def test_other_sizes_are_resized_with_antialiasing(tmp_path: Path) -> None:
    content = small_set()
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (64, 32))  # (64, 64); any pixel alone is black or white
    stream = io.BytesIO()
    Image.fromarray(stripes).convert("RGB").save(stream, "PNG")
    content["train/cat/0.png"] = stream.getvalue()
    images = read(write_folder(tmp_path / "pets", content))
    assert images.train.images[0, 0].min() > 100
    assert images.train.images[0, 0].max() < 155
    assert images.provenance == "Drawn for a test. 1 of 10 images were resized to 8 x 8 (bilinear, antialiased)."


@pytest.mark.parametrize(
    ("mode", "change"),
    [
        ("L", " 1 of 10 images were converted from grey to RGB."),
        ("1", " 1 of 10 images were converted from grey to RGB."),
        ("RGBA", " 1 of 10 images were put on a white background where transparent."),
        ("LA", " 1 of 10 images were put on a white background where transparent."),
        ("P", ""),
    ],
)
def test_other_modes_become_rgb(tmp_path: Path, mode: str, change: str) -> None:
    content = small_set() | {"train/cat/0.png": png(255, mode=mode)}
    images = read(write_folder(tmp_path / "pets", content))
    assert np.array_equal(images.train.images[0], np.full((3, 8, 8), 255))
    assert images.provenance == f"Drawn for a test.{change}"


def test_transparent_pixels_become_white(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(stream, "PNG")
    images = read(write_folder(tmp_path / "pets", small_set() | {"train/cat/0.png": stream.getvalue()}))
    assert images.train.images[0].min() == 255
    assert "1 of 10 images were put on a white background where transparent." in images.provenance


def test_the_exif_orientation_is_applied(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), dtype=np.uint8)
    pixels[0] = 255  # the top row
    image = Image.fromarray(pixels)
    exif = image.getexif()
    exif[0x0112] = 3  # rotated by 180 degrees
    stream = io.BytesIO()
    image.save(stream, "PNG", exif=exif)
    images = read(write_folder(tmp_path / "pets", small_set() | {"train/cat/0.png": stream.getvalue()}))
    assert images.train.images[0, 0, :, 0].tolist() == [0] * 7 + [255]
    assert "rotated as their EXIF orientation says" in images.provenance


def test_an_experiment_reads_the_images_of_the_main_checkout(tmp_path: Path) -> None:
    experiment = tmp_path / ".dvc" / "tmp" / "exps" / "tmp1"
    experiment.mkdir(parents=True)
    with pytest.raises(
        UserError, match=rf"'pets\.tar' does not exist .*runs in a copy of {tmp_path}, without .* Put the"
    ):
        read(experiment / "pets.tar")
    write_archive(tmp_path / "pets.tar", small_set())
    assert_small_set(read(experiment / "pets.tar"))
    other = {name: png(200) for name in small_set()}  # its own images come first
    assert read(write_archive(experiment / "pets.tar", other)).train.images.min() == 200


def test_right_sha256_is_accepted(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "pets.tar", small_set())
    assert_small_set(read(archive, sha256=files.sha256_of(archive)))


def test_altered_archive(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "pets.tar", small_set())
    expected = files.sha256_of(archive)
    content = bytearray(archive.read_bytes())
    content[600] ^= 1
    archive.write_bytes(content)
    actual = files.sha256_of(archive)
    with pytest.raises(UserError, match=f"its SHA-256 is {actual}, expected {expected}.*fetch it again"):
        read(archive, sha256=expected)


def test_sha256_of_a_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="'pets' is a folder; name the archive or remove sha256"):
        read(write_folder(tmp_path / "pets", small_set()), sha256="0" * 64)


def test_a_missing_path_says_what_to_put_there(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"'pets\.tar' does not exist.*Put the images there as train/<class>.*Expected images: Pets"
    ):
        read(tmp_path / "pets.tar")


def test_unknown_suffix(tmp_path: Path) -> None:
    (tmp_path / "pets.rar").write_bytes(b"Rar!")
    with pytest.raises(UserError, match=r"pets\.rar is neither a folder nor an archive.*allowed: \.tar, .*\.zip"):
        read(tmp_path / "pets.rar")


@pytest.mark.parametrize(("part", "other"), [("test", "train"), ("train", "test")])
def test_class_missing_in_one_part(tmp_path: Path, part: str, other: str) -> None:
    content = {name: data for name, data in small_set().items() if not name.startswith(f"{part}/dog")}
    path = write_folder(tmp_path / "pets", content)
    (path / part / "dog").mkdir()
    with pytest.raises(UserError, match=f"{part}/ has no images of 'dog', which {other}/ has"):
        read(path)


def test_a_folder_that_cannot_be_listed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, every folder can be listed."""
    images = write_folder(tmp_path / "pets", small_set())
    scandir = os.scandir

    def denied(path: str) -> object:
        if str(path).endswith("dog"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", denied)
    with pytest.raises(UserError, match=r"pets/test/dog cannot be read: Permission denied; give yourself"):
        folder.read(data(images), tmp_path)


def test_one_class_only(tmp_path: Path) -> None:
    content = {name: data for name, data in small_set().items() if "dog" not in name}
    with pytest.raises(UserError, match=r"only one class \('cat'\)"):
        read(write_folder(tmp_path / "pets", content))


@pytest.mark.parametrize("content", [{}, {"train/cat/a.txt": b"", "test/cat/a.txt": b""}, {"cat/0.png": png(0)}])
def test_no_images(tmp_path: Path, content: dict[str, bytes]) -> None:
    (tmp_path / "pets").mkdir()
    with pytest.raises(UserError, match="pets has no images; expected train/<class>/<image> and test"):
        read(write_folder(tmp_path / "pets", content))


@pytest.mark.parametrize("damage", [b"", b"no image at all", png(3)[:40], png(3)[:-30]])
@pytest.mark.parametrize("suffix", ["", ".tar.gz", ".zip"])
def test_one_unreadable_image_is_named(tmp_path: Path, damage: bytes, suffix: str) -> None:
    content = small_set() | {"train/dog/1.png": damage}
    path = tmp_path / f"pets{suffix}"
    with pytest.raises(UserError, match=r"the image 'train/dog/1\.png' cannot be read: .*Replace it, or remove it"):
        read(write_archive(path, content) if suffix else write_folder(path, content))


def test_truncated_jpeg(tmp_path: Path) -> None:
    stream = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    Image.fromarray(noise).save(stream, "JPEG")
    content = small_set() | {"train/dog/9.jpg": stream.getvalue()[:-400]}
    with pytest.raises(UserError, match=r"'train/dog/9\.jpg' cannot be read: .*truncated"):
        read(write_folder(tmp_path / "pets", content))


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    stream = io.BytesIO()
    Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)).save(stream, "PNG")
    content = small_set() | {"train/dog/1.png": stream.getvalue()}
    with pytest.raises(UserError, match="more than 8 bits"):
        read(write_folder(tmp_path / "pets", content))


@pytest.mark.parametrize("name", ["train/stray.png", "train/cat/kittens/0.png", "above/train/0.png"])
def test_image_outside_of_a_class_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"'{name}' is not in a class folder; expected train/<class>"):
        read(write_folder(tmp_path / "pets", small_set() | {name: png(0)}))


def test_two_sets_in_one_archive(tmp_path: Path) -> None:
    content = {f"{above}/{name}": data for above in "ab" for name, data in small_set().items()}
    with pytest.raises(UserError, match="both 'b' and 'a' contain images; expected one set"):
        read(write_archive(tmp_path / "pets.tar", content))


def test_a_member_twice(tmp_path: Path) -> None:
    archive = write_archive(tmp_path / "pets.tar", small_set())
    with tarfile.open(archive, "a") as tar:
        member = tarfile.TarInfo("train/cat/0.png")
        member.size = len(png(1))
        tar.addfile(member, io.BytesIO(png(1)))
    with pytest.raises(UserError, match=r"'train/cat/0\.png' occurs twice"):
        read(archive)
