"""The files of a folder or an archive of class folders, read one by one; such an archive is not unpacked to disk.

CIFAR-10's own archive is unpacked for torchvision (`cifar10.py`); only its SHA-256 is checked here.

A tar archive is read once from start to end, since seeking back in a compressed one means starting again. No more than
one file of at most `BYTES` is in memory, whatever the folder or archive holds.
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
from io import BufferedIOBase, BufferedReader, FileIO
from pathlib import Path, PurePosixPath
from typing import NoReturn, Self

from attnbench.data.xz import open_xz
from attnbench.errors import UserError, system_reason
from attnbench.records import files

Opener = Callable[[Path], BufferedIOBase]
Accepts = Callable[[str, bytes], bool]  # name and first bytes of a file -> whether to read it

HEAD = 32  # first bytes of a file: enough to see what it is
BYTES = 200_000_000  # of a file that is read: 50 million pixels of four bytes

_TAR: dict[str, Opener] = {
    ".tar": lambda path: path.open("rb"),
    ".tar.gz": gzip.GzipFile,
    ".tgz": gzip.GzipFile,
    ".tar.xz": open_xz,
    ".txz": open_xz,
    ".tar.bz2": bz2.BZ2File,
    ".tbz2": bz2.BZ2File,
}
SUFFIXES = (*_TAR, ".zip")
_DAMAGE = (
    *(tarfile.TarError, zipfile.BadZipFile, lzma.LZMAError, zlib.error, EOFError, OSError),
    *(ValueError, LookupError, ArithmeticError),  # a header with text where a number belongs, or no name
)
_UNSUPPORTED = (NotImplementedError, RuntimeError)  # zipfile: an unknown compression, a password
_ZIP = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)  # LZMA takes as much memory as a member demands
_HEADER_BYTES = 2**16  # of a header that describes the next member of a tar archive, such as a long name
_LIST_BYTES = 2**25  # of the list of members of a .zip archive, some 400,000; zipfile makes ten times as much of it
_NAME = 500  # characters of a member's name with its folders: it is part of messages
_DEEPEST = 5  # levels of folders: enough to see what is too deep, and an end to a loop of links


def members(path: Path, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of every accepted file, folders by name and archives in their own order.

    Names are relative to the folder or archive and use `/`; `accepts` is called once per file, with no bytes for what
    is none: a pipe, a device, a link to nothing.

    Raises:
        UserError: the archive is damaged, has an unknown suffix, or contains a member that points outside; or an
            accepted file is too large or is none.
    """
    if path.is_dir():
        yield from _folder(path, accepts)
        return
    suffix = _suffix(path)
    check_regular(path)
    try:
        yield from _zip(path, accepts) if suffix == ".zip" else _tar(path, _TAR[suffix], accepts)
    except _DAMAGE as error:
        raise UserError(
            f"{path} cannot be read to its end as a {suffix} archive: {error or type(error).__name__}. "
            "It is damaged, cut short or misnamed; fetch or pack it again"
        ) from None
    except _UNSUPPORTED as error:
        raise UserError(f"{path}: {error}; pack it again as a plain .zip or .tar.gz") from None


def check_regular(path: Path) -> None:
    """Raise a UserError if a path is a pipe, a device or a socket: reading it may never end."""
    mode = path.stat().st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise UserError(f"{path} is neither a regular file nor a folder, but a pipe, a device or a socket; remove it")


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
    for folder, below, names in os.walk(path, onerror=_refuse_unreadable, followlinks=True):
        below[:] = sorted(name for name in below if not name.startswith("."))
        if len(Path(folder).relative_to(path).parts) >= _DEEPEST:
            below.clear()
        for name in below:
            _check_no_loop(Path(folder, name))
        for name in sorted(names):
            file = Path(folder, name)
            relative = file.relative_to(path).as_posix()
            try:
                size, head = _beginning(file)
                if accepts(relative, head):
                    check_regular(file)
                    _check_size(str(file), size)
                    yield relative, file.read_bytes()
            except OSError as error:
                raise UserError(f"{file} cannot be read: {system_reason(error)}") from None


def _refuse_unreadable(error: OSError) -> NoReturn:
    """Refuse a folder that cannot be listed, whose images would be left out without a word."""
    raise UserError(f"{error.filename} cannot be read: {system_reason(error)}")


def _check_no_loop(folder: Path) -> None:
    """Refuse a link to a folder that contains the link: what lies in it would be read again, or the whole disk."""
    if folder.is_symlink() and folder.parent.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{folder} is a link to {folder.resolve()}, a folder that contains the link; remove it")


def _beginning(file: Path) -> tuple[int, bytes]:
    """Return the size and the first bytes of a file; nothing of what is no regular file."""
    try:
        status = file.stat()
        if not stat.S_ISREG(status.st_mode):
            return 0, b""
        with file.open("rb") as stream:
            return status.st_size, stream.read(HEAD)
    except OSError:  # reported if the file is accepted
        return 0, b""


def _check_size(name: str, size: int) -> None:
    if size > BYTES:
        raise UserError(
            f"{name} has {size:,} bytes; an image may have at most {BYTES:,}. Remove it, or save it smaller"
        )


_DESCRIBING = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)


_SPARSE = "a member is a sparse file; `tar` packs files as they are without --sparse"


class _Header(tarfile.TarInfo):
    """A header that must be intact, and of no sparse file.

    tarfile itself treats a damaged or missing header as the end, and takes the map of a sparse file, of any length,
    into memory.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if len(buf) < tarfile.BLOCKSIZE:
            raise tarfile.ReadError("unexpected end of the archive")
        if buf.count(0) == tarfile.BLOCKSIZE:  # the end mark
            return super().frombuf(buf, encoding, errors)
        try:
            header = super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise tarfile.ReadError(str(error)) from None
        if header.type == tarfile.GNUTYPE_SPARSE:
            raise tarfile.ReadError(_SPARSE)
        if header.type in _DESCRIBING and header.size > _HEADER_BYTES:  # tarfile reads it into memory
            raise tarfile.ReadError(f"a header of {header.size:,} bytes; at most {_HEADER_BYTES:,} make sense")
        return header

    def _proc_gnusparse_10(self, *_: object) -> NoReturn:
        """Refuse the third format of sparse files; tarfile has no public method for it."""
        raise tarfile.ReadError(_SPARSE)


def _tar(path: Path, opener: Opener, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    with opener(path) as stream:
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Header) as archive:
            while (member := archive.next()) is not None:
                archive.members.clear()  # type: ignore[attr-defined]  # or millions of empty ones fill the memory
                archive.pax_headers.clear()  # type: ignore[attr-defined]  # likewise those that hold for all members
                _check_inside(path, member.name)
                if member.issym() or member.islnk():
                    raise _link(path, member.name)
                content = archive.extractfile(member) if member.isfile() else None
                if content is not None:
                    head = content.read(HEAD)
                    if accepts(member.name, head):
                        _check_size(f"{path}: its member {member.name!r}", member.size)
                        yield member.name, head + content.read()
        while stream.read(1 << 20):  # to the end, where the compressed formats have their checksum
            pass


class _ZipStream(BufferedReader):
    """A .zip archive whose list of members must be short, since zipfile reads it at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > _LIST_BYTES:
            raise UserError(
                f"{self.name}: its list of members has {size:,} bytes; at most {_LIST_BYTES:,} are read. "
                "Pack it again as .tar.gz, which has none"
            )
        return super().read(size)


def _zip(path: Path, accepts: Accepts) -> Iterator[tuple[str, bytes]]:
    with _ZipStream(FileIO(path)) as stream, zipfile.ZipFile(stream) as archive:
        for member in archive.infolist():
            name = member.filename.replace("\\", "/")
            _check_inside(path, name)
            if stat.S_ISLNK(member.external_attr >> 16):  # the upper half holds the Unix mode
                raise _link(path, name)
            if not member.is_dir():
                if member.compress_type not in _ZIP:
                    raise NotImplementedError(f"its member {name!r} has an unusual compression")
                with archive.open(member) as content:
                    head = content.read(HEAD)
                    if accepts(name, head):
                        _check_size(f"{path}: its member {name!r}", member.file_size)
                        yield name, head + content.read()


def _check_inside(path: Path, name: str) -> None:
    if len(name) > _NAME:
        raise UserError(
            f"{path}: its member {name[:60]!r}... has a name of {len(name):,} characters; at most {_NAME} are allowed"
        )
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
