"""The files of a folder or an archive of class folders, read one by one; such an archive is not unpacked to disk.

CIFAR-10's own archive is unpacked for torchvision (`cifar10.py`); only its SHA-256 is checked here.

A tar archive is read once from start to end, since seeking back in a compressed one means starting again.
"""

import bz2
import gzip
import lzma
import os
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from io import BufferedIOBase
from pathlib import Path, PurePosixPath
from typing import Self

from attnbench.errors import UserError
from attnbench.records import files

Opener = Callable[[Path], BufferedIOBase]
Accepts = Callable[[str], bool]  # name of a file -> whether to read it

_TAR: dict[str, Opener] = {
    ".tar": lambda path: path.open("rb"),
    ".tar.gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".tar.xz": lzma.LZMAFile,
    ".txz": lzma.LZMAFile,
    ".tar.bz2": bz2.BZ2File,
    ".tbz2": bz2.BZ2File,
}
SUFFIXES = (*_TAR, ".zip")
_DAMAGE = (tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError)
_UNSUPPORTED = (NotImplementedError, RuntimeError)  # zipfile: an unknown compression, a password
_DEEPEST = 5  # levels of folders: enough to see what is too deep, and an end to a loop of links


def members(path: Path, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every accepted file, folders by name and archives in their own order.

    Names are relative to the folder or archive and use `/`; `accepts` is called once per file.

    Raises:
        UserError: the archive is damaged, has an unknown suffix, or contains a member that points outside.
    """
    if path.is_dir():
        yield from _folder(path, accepts)
        return
    suffix = _suffix(path)
    try:
        yield from _zip(path, accepts) if suffix == ".zip" else _tar(path, _TAR[suffix], accepts)
    except _DAMAGE as error:
        raise UserError(
            f"{path} cannot be read to its end as a {suffix} archive: {error or type(error).__name__}. "
            "It is damaged, cut short or misnamed; fetch or pack it again"
        ) from None
    except _UNSUPPORTED as error:
        raise UserError(f"{path}: {error}; pack it again as a plain .zip or .tar.gz") from None


def check_sha256(path: Path, expected: str) -> None:
    """Raise a UserError unless the file has the expected SHA-256."""
    actual = files.sha256_of(path)
    if actual != expected:
        raise UserError(
            f"{path} is not the expected file: its SHA-256 is {actual}, expected {expected}. "
            "It was altered or cut short; delete it and fetch it again"
        )


def _suffix(path: Path) -> str:
    for suffix in sorted(SUFFIXES, key=len, reverse=True):
        if path.name.lower().endswith(suffix):
            return suffix
    raise UserError(f"{path} is neither a folder nor an archive that can be read; allowed: {', '.join(SUFFIXES)}")


def _folder(path: Path, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    for folder, below, names in os.walk(path, followlinks=True):
        below.sort()
        if len(Path(folder).relative_to(path).parts) >= _DEEPEST:
            below.clear()
        for name in sorted(names):
            file = Path(folder, name)
            relative = file.relative_to(path).as_posix()
            if accepts(relative):
                try:
                    yield relative, file.read_bytes()
                except OSError as error:
                    raise UserError(f"{file} cannot be read: {error.strerror}") from None


class _Header(tarfile.TarInfo):
    """A header that must be intact: tarfile itself treats a damaged or missing one as the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("unexpected end of the archive")
        if buf.count(0) == tarfile.BLOCKSIZE:  # the end mark
            return super().frombuf(buf, encoding, errors)
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None


def _tar(path: Path, opener: Opener, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    with opener(path) as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
            for member in archive:
                _check_inside(path, member.name)
                if member.issym() or member.islnk():
                    raise _link(path, member.name)
                content = archive.extractfile(member) if member.isfile() and accepts(member.name) else None
                if content is not None:
                    yield member.name, content.read()
        while stream.read(1 << 20):  # to the end, where the compressed formats have their checksum
            pass


def _zip(path: Path, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            name = member.filename.replace("\\", "/")
            _check_inside(path, name)
            if stat.S_ISLNK(member.external_attr >> 16):  # the upper half holds the Unix mode
                raise _link(path, name)
            if not member.is_dir() and accepts(name):
                yield name, archive.read(member)


def _check_inside(path: Path, name: str) -> None:
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        raise UserError(
            f"{path}: its member {name!r} points outside of the archive; names must be relative and without '..'. "
            "Pack the folder again from inside"
        )


def _link(path: Path, name: str) -> UserError:
    return UserError(
        f"{path}: its member {name!r} is a link, which could point outside of the archive; "
        "pack the files themselves (`tar --dereference`)"
    )
