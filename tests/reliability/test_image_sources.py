"""Bad folders and archives of images. Each is a small valid set with one thing spoiled."""

import io
import os
import stat
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from made_archives import tar
from PIL import Image

from attnbench.data import archives, folder
from attnbench.study.schema import FolderData

from .refusal import refused

Content = dict[str, bytes]


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


NOISE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))
PNG, JPEG = encoded(NOISE), encoded(NOISE, "JPEG")
SIXTEEN = encoded(Image.fromarray(np.full((8, 8), 40_000, dtype=np.uint16)))
LARGE = encoded(Image.new("1", (8000, 6251)))


def claims(side: int) -> bytes:
    """Return a PNG whose header says that it has so many rows and columns."""
    header = b"IHDR" + side.to_bytes(4, "big") * 2 + PNG[24:29]
    return PNG[:12] + header + zlib.crc32(header).to_bytes(4, "big") + PNG[33:]


VALID: Content = {f"{part}/{name}/{n}.png": PNG for part in ("train", "test") for name in ("a", "b") for n in range(3)}
SPOILT = "train/a/1.png"  # what one of its files is replaced with, or what is added


def images(path: Path, sha256: str | None = None) -> None:
    """Read the images as the stage does."""
    data = FolderData(
        source="folder", path=str(path), title="A", provenance="B.", image_size=8, sha256=sha256, split_seed=0
    )
    folder.read(data, path.parent)


def fill(path: Path, content: Content) -> Path:
    for name, data in content.items():
        file = path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return path


def zipped(path: Path, content: Content, compression: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return path


def without(*starts: str) -> Content:
    return {name: data for name, data in VALID.items() if not name.startswith(starts)}


# A file that is no image, in the place of one: in a folder, a tar.gz and a zip
FILES = {  # name: (content, part of the message)
    "empty": (b"", "it is not an image"),
    "text": (b"no image", "it is not an image"),
    "null bytes": (bytes(1000), "it is not an image"),
    "a PNG's first bytes": (PNG[:8], SPOILT),
    "a PNG cut short": (PNG[:-30], SPOILT),
    "a PNG with a wrong checksum": (PNG[:40] + b"\xff" + PNG[41:], SPOILT),
    "a JPEG cut short": (JPEG[:-400], "truncated"),
    "a JPEG's first bytes": (JPEG[:3], SPOILT),
    "a GIF's first bytes": (b"GIF89a", SPOILT),
    "a BMP's first bytes": (b"BM" + bytes(10), SPOILT),
    "a TIFF's first bytes": (b"II*\0" + bytes(8), SPOILT),
    "a TIFF that refers to itself": (b"II*\0\x08\0\0\0" + b"\1\0\x4a\1\4\0\1\0\0\0\x08\0\0\0" + bytes(8), SPOILT),
    "a WebP's first bytes": (b"RIFF\x10\0\0\0WEBPVP8 ", SPOILT),
    "a PPM without pixels": (b"P6 8 8 255\n", SPOILT),
    "a PPM of text with a thousand comments": (b"P1 8 8\n" + b"#x\n" * 1000 + b"1 " * 64, "it has 1,000 comments"),
    "a PPM of negative size": (b"P6 -8 8 255\n" + bytes(200), SPOILT),
    "PostScript": (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", "it is not an image"),
    "a program": (b"#!/bin/sh\ntouch P\n", "it is not an image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "it is not an image"),
    "a pickle": (b"\x80\x04cos\nsystem\n(S'touch P'\ntR.", "it is not an image"),
    "16 bits": (SIXTEEN, "more than 8 bits"),
    "millions of pixels": (LARGE, "at most 50,000,000"),
    "a PNG that claims a hundred million pixels": (claims(10_000), "10,000 x 10,000 pixels"),
    "a PNG that claims gigapixels": (claims(60_000), "more than 50,000,000 pixels"),
}


@pytest.mark.parametrize("kind", ["folder", "tar.gz", "zip"])
@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_no_image(tmp_path: Path, name: str, kind: str) -> None:
    data, expected = FILES[name]
    content = VALID | {SPOILT: data}
    match kind:
        case "folder":
            path = fill(tmp_path / "set", content)
        case "tar.gz":
            path = tar(tmp_path / "set.tar.gz", content, mode="w:gz")
        case _:
            path = zipped(tmp_path / "set.zip", content)
    refused(lambda: images(path), tmp_path, expected)


LAYOUTS: dict[str, tuple[Content, str]] = {
    "nothing": ({}, "has no images"),
    "no images": ({"train/a/a.txt": b"a", "test/a/a.txt": b"a"}, "has no images"),
    "classes without parts": ({"a/0.png": PNG, "b/0.png": PNG}, "has no images"),
    "parts of another name": ({"training/a/0.png": PNG, "testing/a/0.png": PNG}, "has no images"),
    "no test": (without("test"), "test/ has no images"),
    "no train": (without("train"), "train/ has no images"),
    "a class in train alone": (without("test/b"), "test/ has no images of 'b'"),
    "a class in test alone": (without("train/b"), "train/ has no images of 'b'"),
    "one class": (without("train/b", "test/b"), "has only one class ('a')"),
    "classes that differ in case": (without("test/b") | {"test/B/0.png": PNG}, "test/ has no images of 'b'"),
    "an image outside of a class": (VALID | {"train/0.png": PNG}, "is not in a class folder"),
    "an image too deep": (VALID | {"train/a/b/0.png": PNG}, "is not in a class folder"),
    "a JPEG without a suffix, too deep": (VALID | {"train/a/b/0": JPEG}, "is not in a class folder"),
    "two sets": ({f"{top}/{name}": PNG for top in "xy" for name in VALID}, "expected one set"),
    "an escape in a class": (VALID | {"train/\x1b[2J/0.png": PNG}, "a name that cannot be printed"),
    "a newline in a class": (VALID | {"train/a\nb/0.png": PNG}, "a name that cannot be printed"),
    "a delete character in a class": (VALID | {"train/\x7f/0.png": PNG}, "a name that cannot be printed"),
    "a turned class": (VALID | {"train/\u202eabc/0.png": PNG}, "a name that cannot be printed"),
    "a line separator in a class": (VALID | {"train/a\u2028b/0.png": PNG}, "a name that cannot be printed"),
    "a blank class": (VALID | {"train/ /0.png": PNG}, "a name that cannot be printed"),
    "Latin-1 bytes in a class": (VALID | {os.fsdecode(b"train/caf\xe9/0.png"): PNG}, "a name that cannot be printed"),
    "an invisible class": (VALID | {"train/\u200b\u2060/0.png": PNG}, "a name that cannot be printed"),
    "classes that differ in an invisible character": (
        without("test/b") | {"test/b\u200b/0.png": PNG},
        "'b' and 'b\\u200b' differ in spaces or invisible characters only",
    ),
    "classes that differ in spaces": (
        VALID | {f"{part}/{name}/0.png": PNG for part in ("train", "test") for name in ("x y", "x  y")},
        "'x  y' and 'x y' differ in spaces or invisible characters only",
    ),
    "UTF-16 bytes in a class": (
        VALID | {f"train/{os.fsdecode(b'caf' + bytes([0xFF, 0xFE]))}/0.png": PNG},
        "bytes that are not UTF-8",
    ),
}


@pytest.mark.parametrize("kind", ["folder", "tar"])
@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_that_is_none(tmp_path: Path, name: str, kind: str) -> None:
    content, expected = LAYOUTS[name]
    (tmp_path / "set").mkdir()
    path = fill(tmp_path / "set", content) if kind == "folder" else tar(tmp_path / "set.tar", content)
    refused(lambda: images(path), tmp_path, expected)


def special(path: Path, kind: str) -> None:
    """Make something that is no regular file, in the place of an image."""
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "endless device":
            path.symlink_to("/dev/zero")
        case "terminal":
            path.symlink_to("/dev/tty")
        case "link to nothing":
            path.symlink_to("nothing")
        case "loop of links":
            path.symlink_to(path)
        case "kernel memory":
            path.symlink_to("/proc/self/mem")
        case "folder of itself":
            path.symlink_to(path.parent, target_is_directory=True)
        case "whole disk":
            path.symlink_to("/", target_is_directory=True)
        case "sparse file of a terabyte":
            with path.open("wb") as stream:
                stream.truncate(2**40)
        case "file of too many bytes":
            path.write_bytes(PNG)
            os.truncate(path, archives.BYTES + 1)


SPECIAL = {
    "pipe": "but a pipe, a device or a socket",
    "endless device": "but a pipe, a device or a socket",
    "terminal": "but a pipe, a device or a socket",
    "link to nothing": "cannot be read: No such file",
    "loop of links": "cannot be read: Too many levels",
    "kernel memory": "cannot be read",
    "folder of itself": "a folder that contains the link",
    "whole disk": "a folder that contains the link",
    "sparse file of a terabyte": "an image may have at most 200,000,000",
    "file of too many bytes": "an image may have at most 200,000,000",
}


@pytest.mark.parametrize("kind", SPECIAL)
def test_no_regular_file_in_a_class_folder(tmp_path: Path, kind: str) -> None:
    path = fill(tmp_path / "set", VALID)
    special(path / "train/a/z.png", kind)
    refused(lambda: images(path), tmp_path, SPECIAL[kind])


@pytest.mark.parametrize("kind", ["pipe", "endless device", "terminal", "link to nothing", "loop of links"])
@pytest.mark.parametrize("name", ["set", "set.tar.gz", "set.zip"])
@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_no_regular_file_as_the_path(tmp_path: Path, kind: str, name: str, sha256: str | None) -> None:
    special(tmp_path / name, kind)
    refused(lambda: images(tmp_path / name, sha256), tmp_path, name)


MEMBERS = {  # what is added to an archive: name, kind, size, part of the message
    "a way out": ("../out.png", tarfile.REGTYPE, 9, "points outside of the archive"),
    "a hidden way out": ("train/a/../../../out.png", tarfile.REGTYPE, 9, "points outside of the archive"),
    "an absolute name": ("/tmp/out.png", tarfile.REGTYPE, 9, "points outside of the archive"),
    "a symbolic link": ("train/a/z.png", tarfile.SYMTYPE, 0, "is a link"),
    "a hard link": ("train/a/z.png", tarfile.LNKTYPE, 0, "is a link"),
    "five gigabytes": ("train/a/z.png", tarfile.REGTYPE, 5 * 2**30, "an image may have at most 200,000,000"),
    "a sparse file": ("train/a/z.png", tarfile.GNUTYPE_SPARSE, 9, "a member is a sparse file"),
    "a long name of five gigabytes": ("x", tarfile.GNUTYPE_LONGNAME, 5 * 2**30, "a header of 5,368,709,120 bytes"),
    "a long link of five gigabytes": ("x", tarfile.GNUTYPE_LONGLINK, 5 * 2**30, "a header of 5,368,709,120 bytes"),
    "a pax header of five gigabytes": ("x", tarfile.XHDTYPE, 5 * 2**30, "a header of 5,368,709,120 bytes"),
    "a global header of five gigabytes": ("x", tarfile.XGLTYPE, 5 * 2**30, "a header of 5,368,709,120 bytes"),
    "a name of 900 characters": (f"train/a/{'n' * 900}.png", tarfile.REGTYPE, 9, "has a name of 912 characters"),
    "a member twice": (SPOILT, tarfile.REGTYPE, 9, "occurs twice"),
}


@pytest.mark.parametrize("name", MEMBERS)
def test_a_member_of_an_archive(tmp_path: Path, name: str) -> None:
    member = tarfile.TarInfo(MEMBERS[name][0])
    member.type, member.size = MEMBERS[name][1:3]
    member.linkname = "../../../out.png"
    path = tmp_path / "set.tar.gz"
    with tarfile.open(path, "w:gz", format=tarfile.GNU_FORMAT) as archive:
        for valid, data in VALID.items():
            info = tarfile.TarInfo(valid)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
        archive.fileobj.write(member.tobuf(tarfile.GNU_FORMAT) + bytes(2**20))
    refused(lambda: images(path), tmp_path, MEMBERS[name][3])


PAX = {  # what the header of a member says beside its name and size: part of the message
    "a map of a sparse file that is none": ({"GNU.sparse.map": "a,b"}, "cannot be read to its end"),
    "a size that is no number": ({"GNU.sparse.size": "x"}, "cannot be read to its end"),
    "a sparse file whose map is content": ({"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}, "is a sparse file"),
}


@pytest.mark.parametrize("name", PAX)
def test_an_extended_header_of_a_member(tmp_path: Path, name: str) -> None:
    headers, expected = PAX[name]
    path = tar(tmp_path / "set.tar", VALID)
    member = tarfile.TarInfo("train/a/z.png")
    member.pax_headers, member.size = headers, len(PNG)
    with tarfile.open(path, "a", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(member, io.BytesIO(PNG))
    refused(lambda: images(path), tmp_path, expected)


def test_more_names_in_a_zip_archive_than_memory_is_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zipped(tmp_path / "set.zip", VALID)
    images(path)
    monkeypatch.setattr(archives, "_LIST_BYTES", 99)
    refused(lambda: images(path), tmp_path, "its list of members has ")


def test_headers_for_all_members_of_a_tar_archive_do_not_add_up(tmp_path: Path) -> None:
    path = tmp_path / "set.tar"
    with path.open("wb") as stream:
        for number in range(300):
            stream.write(tarfile.TarInfo.create_pax_global_header({f"key{number}": 60_000 * "x"}))
            stream.write(tarfile.TarInfo(f"{number}.txt").tobuf())
        stream.write(tar(tmp_path / "valid.tar", VALID).read_bytes())
    tracemalloc.start()
    images(path)
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def damaged(data: bytes, at: int, by: int = 0xFF) -> bytes:
    return data[:at] + bytes([data[at] ^ by]) + data[at + 1 :]


def with_large_dictionary(data: bytes) -> bytes:
    """Return an .xz file whose header asks for a dictionary of 4 GiB."""
    end = 12 + 4 * data[12]  # of the block's header, up to its checksum
    assert data[14:16] == b"\x21\x01"  # LZMA2 with one byte of properties, its size
    header = data[12:16] + b"\x28" + data[17:end]
    return data[:12] + header + zlib.crc32(header).to_bytes(4, "little") + data[end + 4 :]


ARCHIVES: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {  # name: (suffix, damage, part of the message)
    "empty": (".tar", lambda data: b"", "cannot be read to its end"),
    "one byte": (".tar.gz", lambda data: data[:1], "cannot be read to its end"),
    "half": (".tar", lambda data: data[: len(data) // 2 + 7], "cannot be read to its end"),
    "half, gzip": (".tar.gz", lambda data: data[: len(data) // 2], "cannot be read to its end"),
    "half, xz": (".tar.xz", lambda data: data[: len(data) // 2], "cannot be read to its end"),
    "half, bzip2": (".tar.bz2", lambda data: data[: len(data) // 2], "cannot be read to its end"),
    "half, zip": (".zip", lambda data: data[: len(data) // 2], "cannot be read to its end"),
    "a damaged header": (".tar", lambda data: damaged(data, 5), "bad checksum"),
    "a damaged checksum, gzip": (".tar.gz", lambda data: damaged(data, len(data) - 8), "CRC check failed"),
    "a damaged block, xz": (".tar.xz", lambda data: damaged(data, 60), "cannot be read to its end"),
    "a large dictionary, xz": (".tar.xz", with_large_dictionary, "more than 256 MiB of memory; pack it again"),
    "a damaged block, bzip2": (".tar.bz2", lambda data: damaged(data, 60), "cannot be read to its end"),
    "a damaged directory, zip": (".zip", lambda data: damaged(data, len(data) - 20), ".zip"),
    "random bytes": (".tar.gz", lambda data: bytes(range(256)) * 9, "cannot be read to its end"),
    "a gzip named xz": (".tar.xz", lambda data: b"\x1f\x8b" + data, "misnamed"),
    "another suffix": (".rar", lambda data: data, "is neither a folder nor an archive"),
    "no suffix": ("", lambda data: data, "is neither a folder nor an archive"),
}


@pytest.mark.parametrize("name", ARCHIVES)
def test_a_damaged_archive(tmp_path: Path, name: str) -> None:
    suffix, damage, expected = ARCHIVES[name]
    modes = {".tar.gz": "w:gz", ".tar.xz": "w:xz", ".tar.bz2": "w:bz2"}
    whole = tmp_path / f"set{suffix}"
    zipped(whole, VALID) if suffix == ".zip" else tar(whole, VALID, mode=modes.get(suffix, "w"))
    whole.write_bytes(damage(whole.read_bytes()))
    refused(lambda: images(whole), tmp_path, expected)


def test_a_zip_with_a_member_of_five_gigabytes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", VALID | {"train/a/z.png": PNG + bytes(1000)}, zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"PK\1\2")
    data[entry + 24 : entry + 28] = (2**32 - 2).to_bytes(4, "little")  # its size in the directory
    path.write_bytes(data)
    refused(lambda: images(path), tmp_path, "an image may have at most 200,000,000")


def test_a_zip_that_may_ask_for_a_large_dictionary(tmp_path: Path) -> None:
    path = zipped(tmp_path / "set.zip", VALID, zipfile.ZIP_LZMA)
    refused(lambda: images(path), tmp_path, "unusual compression; pack it again as a plain .zip")


def test_a_zip_with_a_link(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("train/a/z.png")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = zipped(tmp_path / "set.zip", VALID)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(member, "/etc/passwd")
    refused(lambda: images(path), tmp_path, "is a link")


def test_more_images_than_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("attnbench.machine.available_memory", lambda: 5_000)
    path = fill(tmp_path / "set", VALID)
    refused(lambda: images(path), tmp_path, "images of 8 x 8 take 0.0 GiB of memory")


@pytest.mark.parametrize("path", ["missing", "missing.tar.gz", "a" * 300, "a/../b", "train/a/0.png/x"])
def test_no_images_at_the_path(tmp_path: Path, path: str) -> None:
    fill(tmp_path, VALID)
    refused(lambda: images(tmp_path / path), tmp_path, "data: path: ")
