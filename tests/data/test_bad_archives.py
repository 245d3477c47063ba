"""Archives that are cut short, damaged or misnamed, or that point outside of their folder."""

import io
import lzma
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest
from made_archives import tar

from attnbench.data import archives
from attnbench.errors import UserError

CONTENT = {f"train/cat/{number}.png": bytes([number]) * 700 for number in range(8)}


def everything(path: Path) -> dict[str, bytes]:
    return dict(archives.members(path, lambda *_: True))


def with_member(path: Path, member: tarfile.TarInfo) -> Path:
    tar(path, CONTENT)
    with tarfile.open(path, "a") as archive:
        archive.addfile(member, io.BytesIO(b"\0" * member.size))
    return path


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tar.xz", "w:xz"), (".tar.bz2", "w:bz2")]
)
def test_tar_cut_anywhere_is_noticed(tmp_path: Path, suffix: str, mode: str) -> None:
    whole = tar(tmp_path / f"whole{suffix}", CONTENT, mode)
    assert everything(whole) == CONTENT
    content = whole.read_bytes()
    payload = 8 * (512 + 1024) if suffix == ".tar" else len(content)  # what follows in a .tar is the end mark
    cut = tmp_path / f"cut{suffix}"
    for length in range(0, payload, 1 if len(content) < 1000 else 256):
        cut.write_bytes(content[:length])
        with pytest.raises(
            UserError, match=rf"cut\{suffix} cannot be read to its end as a \{suffix} archive.*fetch or pack"
        ):
            everything(cut)


def test_tar_that_ends_between_two_members_is_noticed(tmp_path: Path) -> None:
    path = tar(tmp_path / "cut.tar", CONTENT)
    path.write_bytes(path.read_bytes()[: 3 * (512 + 1024)])
    with pytest.raises(UserError, match="unexpected end of the archive"):
        everything(path)


def test_damaged_header_is_not_taken_for_the_end(tmp_path: Path) -> None:
    path = tar(tmp_path / "bad.tar", CONTENT)
    content = bytearray(path.read_bytes())
    content[3 * (512 + 1024) + 5] ^= 0xFF  # a letter of the fourth member's name
    path.write_bytes(content)
    with pytest.raises(UserError, match="bad checksum"):
        everything(path)


def test_checksum_at_the_end_is_read(tmp_path: Path) -> None:
    path = tar(tmp_path / "bad.tar.gz", CONTENT, "w:gz")
    content = bytearray(path.read_bytes())
    content[-8] ^= 1  # in the CRC
    path.write_bytes(content)
    with pytest.raises(UserError, match="CRC check failed"):
        everything(path)


def test_an_xz_file_may_have_several_streams(tmp_path: Path) -> None:
    whole = tar(tmp_path / "whole.tar", CONTENT).read_bytes()
    parts = [lzma.compress(part) for part in (whole[:1000], b"", whole[1000:])]
    (tmp_path / "a.tar.xz").write_bytes(bytes(8).join(parts) + bytes(200_000))
    assert everything(tmp_path / "a.tar.xz") == CONTENT


def test_zip_cut_or_altered(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in CONTENT.items():
            archive.writestr(name, data)
    assert everything(path) == CONTENT
    content = bytearray(path.read_bytes())
    path.write_bytes(content[:-100])
    with pytest.raises(UserError, match=r"cannot be read to its end as a \.zip archive"):
        everything(path)
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="Bad CRC-32"):
        everything(path)


def test_misnamed_archive(tmp_path: Path) -> None:
    tar(tmp_path / "a.tar.gz", CONTENT, "w:gz").rename(tmp_path / "a.tar.xz")
    with pytest.raises(UserError, match=r"as a \.tar\.xz archive.*misnamed"):
        everything(tmp_path / "a.tar.xz")


def test_encrypted_zip(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"1")
    content = bytearray(path.read_bytes())
    content[6] |= 1  # the flag in the local header, and in the directory
    content[content.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"encrypted.*pack it again as a plain"):
        everything(path)


@pytest.mark.parametrize("name", ["/etc/passwd", "../outside.png", "train/../../outside.png"])
def test_member_that_points_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match=f"its member '{name}' points outside of the archive"):
        everything(with_member(tmp_path / "a.tar", tarfile.TarInfo(name)))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(name, b"")
    with pytest.raises(UserError, match=f"its member '{name}' points outside of the archive"):
        everything(tmp_path / "a.zip")


def test_backslashes_do_not_hide_a_way_out(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("train\\..\\..\\outside.png", b"")
    with pytest.raises(UserError, match="points outside of the archive"):
        everything(tmp_path / "a.zip")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_link(tmp_path: Path, kind: bytes) -> None:
    member = tarfile.TarInfo("train/cat/link.png")
    member.type, member.linkname = kind, "../../../outside.png"
    with pytest.raises(UserError, match=r"its member 'train/cat/link\.png' is a link.*--dereference"):
        everything(with_member(tmp_path / "a.tar", member))


def test_link_in_a_zip(tmp_path: Path) -> None:
    member = zipfile.ZipInfo("train/cat/link.png")
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr(member, "/etc/passwd")
    with pytest.raises(UserError, match=r"its member 'train/cat/link\.png' is a link"):
        everything(tmp_path / "a.zip")


def test_device_is_not_read(tmp_path: Path) -> None:
    member = tarfile.TarInfo("train/cat/pipe.png")
    member.type = tarfile.FIFOTYPE
    assert everything(with_member(tmp_path / "a.tar", member)) == CONTENT


def test_members_that_are_not_accepted_are_not_read(tmp_path: Path) -> None:
    path = tar(tmp_path / "a.tar", CONTENT)
    members = dict(archives.members(path, lambda name, _: name.endswith("3.png")))
    assert members == {"train/cat/3.png": CONTENT["train/cat/3.png"]}


def test_folder_with_a_loop_of_links(tmp_path: Path) -> None:
    (tmp_path / "train" / "cat").mkdir(parents=True)
    (tmp_path / "train" / "cat" / "0.png").write_bytes(b"0")
    (tmp_path / "train" / "cat" / "again").symlink_to(tmp_path, target_is_directory=True)
    with pytest.raises(UserError, match=f"again is a link to {tmp_path}, a folder that contains the link; remove it"):
        everything(tmp_path)


def test_linked_class_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "0.png").write_bytes(b"0")
    (tmp_path / "set" / "train").mkdir(parents=True)
    (tmp_path / "set" / "train" / "cat").symlink_to(tmp_path / "real", target_is_directory=True)
    assert everything(tmp_path / "set") == {"train/cat/0.png": b"0"}
