"""Downloading one file with a known SHA-256: resumed, retried, and moved into place when complete."""

import time
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from attnbench.errors import UserError
from attnbench.records import files

_CHUNK = 1 << 18  # bytes
_TRANSIENT = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
_RETRIED_STATUS = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to retry."""

    attempts: int = 5
    pause_seconds: float = 1.0  # before the second attempt; doubled before each further one
    connect_seconds: float = 10.0
    silence_seconds: float = 30.0  # without a byte, once connected


class _Broken(Exception):
    """An attempt failed for a reason that may pass."""


def download(url: str, path: Path, sha256: str, *, advice: str, patience: Patience = Patience()) -> None:
    """Download `url` to `path`. After a failure the received part stays in `<path>.part`, and the next call resumes it.

    Args:
        advice: what to do without a network; ends every message.

    Raises:
        UserError: the server cannot be reached, refuses, or sends a file with another SHA-256, or another process
            downloads the file.
    """

    def refusal(process: str) -> str:
        return f"{path} is being downloaded by process {process}; run this again when that has ended"

    with files.locked(path.with_name(f"{path.name}.lock"), refusal):
        _download(url, path, sha256, advice, patience)


def _download(url: str, path: Path, sha256: str, advice: str, patience: Patience) -> None:
    part = path.with_name(f"{path.name}.part")
    reason = "no attempt was made"
    for attempt in range(patience.attempts):
        if attempt:
            time.sleep(patience.pause_seconds * 2 ** (attempt - 1))
        try:
            resumed = _fetch(url, part, patience)
            if files.sha256_of(part) == sha256:
                part.replace(path)
                return
            part.unlink()
            if not resumed:
                raise UserError(f"{url} sent a file whose SHA-256 is not {sha256}. {advice}")
            reason = "the resumed file has another SHA-256"
        except (_Broken, *_TRANSIENT) as error:
            reason = str(error) or type(error).__name__
        except requests.RequestException as error:
            raise UserError(f"cannot download {url}: {error}. {advice}") from None
    raise UserError(f"cannot download {url} (tried {patience.attempts} times; the last time: {reason}). {advice}")


def _fetch(url: str, part: Path, patience: Patience) -> bool:
    """Append the missing bytes to `part`; return whether an earlier attempt began it."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = (patience.connect_seconds, patience.silence_seconds)
    with requests.get(url, headers=headers, timeout=timeout, stream=True) as response:
        if response.status_code in _RETRIED_STATUS:
            raise _Broken(f"HTTP {response.status_code} {response.reason}")
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            return True  # nothing is missing, or the part is of another file; the checksum shows which
        response.raise_for_status()
        resumed = response.headers.get("Content-Range", "").startswith(f"bytes {have}-") and have > 0
        _receive(response, part, have if resumed else 0)  # a server that ignores Range sends the whole file
        return resumed


def _receive(response: requests.Response, part: Path, have: int) -> None:
    length = response.headers.get("Content-Length", "")
    total = have + int(length) if length.isdigit() else None
    try:
        with (
            part.open("ab" if have else "wb") as stream,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=part.stem, disable=None) as progress,
        ):
            # raw, since a server may label a .gz as an encoding, and it would be decompressed on the way
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                stream.write(chunk)
                progress.update(len(chunk))
    except urllib3.exceptions.HTTPError as error:
        raise _Broken(f"the connection was lost: {error}") from None
    except OSError:  # a full disk: the part would only use up space
        part.unlink(missing_ok=True)
        raise
