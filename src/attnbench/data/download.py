"""Downloading one pinned file: resumed where it broke off, tried again, checked, and put in place whole."""

import time
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3
from tqdm import tqdm

from attnbench.errors import UserError
from attnbench.records import files

_CHUNK = 1 << 18  # bytes
_PASSING = (requests.ConnectionError, requests.Timeout, urllib3.exceptions.HTTPError)
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Patience:
    """How long to wait for a server, and how often to try again."""

    attempts: int = 5
    pause_seconds: float = 1.0  # before the second attempt; doubled before each further one
    connect_seconds: float = 10.0
    silence_seconds: float = 30.0  # without a byte, once connected


class _Broken(Exception):
    """An attempt failed in a way that another may not."""


def download(url: str, path: Path, sha256: str, *, advice: str, patience: Patience = Patience()) -> None:
    """Download `url` to `path`; what came in before a failure stays in `<path>.part`, and the next call goes on there.

    Args:
        advice: what to do without a network, for the end of every message.

    Raises:
        UserError: the server cannot be reached, refuses, or sends another file than `sha256` names.
    """
    part = path.with_name(f"{path.name}.part")
    path.parent.mkdir(parents=True, exist_ok=True)
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
                raise UserError(f"{url} sent another file than the one with SHA-256 {sha256}. {advice}")
            reason = "the resumed file has another SHA-256"
        except (_Broken, *_PASSING) as error:
            reason = str(error) or type(error).__name__
        except requests.RequestException as error:
            raise UserError(f"cannot download {url}: {error}. {advice}") from None
    raise UserError(f"cannot download {url} (tried {patience.attempts} times; the last time: {reason}). {advice}")


def _fetch(url: str, part: Path, patience: Patience) -> bool:
    """Append to `part` what is missing of it; return whether it was begun by an earlier attempt."""
    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    timeout = (patience.connect_seconds, patience.silence_seconds)
    with requests.get(url, headers=headers, timeout=timeout, stream=True) as response:
        if response.status_code in _WORTH_ANOTHER_TRY:
            raise _Broken(f"HTTP {response.status_code} {response.reason}")
        if have and response.status_code == requests.codes.requested_range_not_satisfiable:
            return True  # nothing is missing, or the part is no part of this file: the checksum tells
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
            # raw: as sent, since a .gz may come labelled as an encoding and would be unpacked on the way
            for chunk in response.raw.stream(_CHUNK, decode_content=False):
                stream.write(chunk)
                progress.update(len(chunk))
    except urllib3.exceptions.HTTPError as error:
        raise _Broken(f"the transfer broke off: {error}") from None
    except OSError:  # a full disk: the part would only stand in the way
        part.unlink(missing_ok=True)
        raise
