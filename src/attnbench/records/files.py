"""Writing files all or nothing, and hashing them."""

import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from zc.lockfile import LockError, LockFile

from attnbench.errors import BAD_PATH, FULL, UserError, shortened, system_reason


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`; on success it replaces `path`, on any error it is removed.

    Its content is on the disk before it replaces `path`, so a power cut leaves either the old or the new file. Its
    permissions follow the process's umask.

    Raises:
        UserError: `path` cannot be written: it is a folder, its name is too long, the disk is full, ...
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with _reported(path):
            _check_replaceable(path)
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary.touch(exist_ok=False)
            mode = temporary.stat().st_mode
            yield temporary
            temporary.chmod(mode)  # safetensors makes a file that only its owner can read
            _flush(temporary)
            temporary.replace(path)
            _flush(path.parent)
    finally:
        with suppress(OSError):  # its folder may be a file, or its name too long
            temporary.unlink()


@contextmanager
def replacing_several(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder; on success its files move into `folder`, on any error none does.

    It lies in `folder` where that exists, since a folder may be a file system of its own, and else next to it.

    Write them with the functions of this module: then all are on the disk before the first replaces an old file.

    Raises:
        UserError: a file cannot be written, or a folder is in its place.
    """
    parent = folder if folder.is_dir() else folder.parent
    temporary = parent / f".{folder.name}.{secrets.token_hex(4)}.tmp"
    try:
        with _reported(folder):
            temporary.mkdir(parents=True)
            yield temporary
            targets = {file: folder / file.relative_to(temporary) for file in temporary.rglob("*") if file.is_file()}
            for target in targets.values():
                target.parent.mkdir(parents=True, exist_ok=True)
                _check_replaceable(target)
            for file, target in targets.items():
                file.replace(target)
            for changed in {target.parent for target in targets.values()}:
                _flush(changed)
    except UserError as error:
        raise UserError(str(error).replace(str(temporary), str(folder))) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def locked(path: Path, refusal: Callable[[str], str]) -> Iterator[None]:
    """Hold a lock file; the system releases it when the process ends, for whatever reason, and the file stays.

    Raises:
        UserError: another process holds it; `refusal` makes the text from its number.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        lock = LockFile(str(path))
    except LockError:
        raise UserError(refusal(path.read_text(encoding="utf-8").strip() or "(just started)")) from None
    try:
        yield
    finally:
        lock.close()


def run_command(path: Path) -> str:
    """Return `attnbench run <study>`, the command that makes a file: results/<study>/... and reports/<study>/..."""
    names = [name for folder, name in pairwise(path.absolute().parts) if folder in ("results", "reports")]
    return f"`attnbench run {names[-1] if names else 'STUDY'}`"


def content(path: Path, advice: str | None = None) -> bytes:
    """Return the bytes of a file that a stage wrote; `advice` says what to do if it is missing: by default, to run it.

    Raises:
        UserError: it is missing, is not a regular file, or cannot be read.
    """
    try:
        if not path.is_file() and path.exists():  # reading a named pipe would never end
            raise UserError(
                f"{path} is {_kind(path)}, not a file; {advice or f'remove it and run {run_command(path)}'}"
            )
        return path.read_bytes()
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {advice or f'{run_command(path)} makes it'}") from None
    except OSError as error:
        raise UserError(f"{shortened(str(path), 200)} cannot be read: {system_reason(error)}") from None


@contextmanager
def _reported(path: Path) -> Iterator[None]:
    """Turn a full disk, or a path that cannot be written, into a UserError that names `path`."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        if _errno(error) in FULL:
            raise UserError(
                f"no space left for {path}; nothing of it was kept. Free some space and run the same command again"
            ) from error
        if (number := _errno(error)) in BAD_PATH:
            reason = system_reason(OSError(number, os.strerror(number)))
            raise UserError(f"{shortened(str(path), 200)} cannot be written: {reason}") from error
        raise


def _check_replaceable(path: Path) -> None:
    if path.exists() and not path.is_file():
        raise UserError(f"{path} is {_kind(path)}, so no file can be written there; name a file, or remove it")


def _kind(path: Path) -> str:
    return "a folder" if path.is_dir() else "a device or a pipe"


def _flush(path: Path) -> None:
    """Make the system write a file, or the names in a folder, to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _errno(error: Exception) -> int:
    """Return the system's error number, 0 if there is none; safetensors has it only in its message."""
    if isinstance(error, OSError):
        return error.errno or 0
    match = re.search(r"os error (\d+)", str(error))
    return int(match[1]) if match else 0


def write_text(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with LF line endings, all or nothing."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write `value` as JSON, all or nothing."""
    write_text(path, json_text(value))


def json_text(value: Any) -> str:
    """Return `value` as JSON, equal values as equal text: sorted keys, no NaN, a final newline."""
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as 64 hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of_json(value: Any) -> str:
    """Return the SHA-256 of a value that JSON can hold, independent of the order of keys."""
    text = json.dumps(value, sort_keys=True, allow_nan=False, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
