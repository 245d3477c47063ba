"""Downloading from a local server that misbehaves in every way we know of."""

import hashlib
import os
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from attnbench.data.download import Patience, download
from attnbench.errors import UserError
from attnbench.records import files

CONTENT = bytes(range(256)) * 1024  # 256 KB
SHA256 = hashlib.sha256(CONTENT).hexdigest()
ADVICE = "Put it at data/raw by hand"
QUICK = Patience(attempts=3, pause_seconds=0.01, connect_seconds=2, silence_seconds=0.3)


class Server(ThreadingHTTPServer):
    """Answers each request with the next of `answers`; the last one is repeated."""

    answers: list[str]
    ranges: list[str | None]
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/file.tar.gz"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        requested = self.headers["Range"]
        self.server.ranges.append(requested)
        answer = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        if answer.isdigit():
            self.send_error(int(answer))
            return
        is_partial = requested and answer != "ignores range"
        start = int(requested.removeprefix("bytes=").removesuffix("-")) if is_partial else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.send_header("Content-Encoding", "gzip")  # as servers label a .gz; it must not be decompressed
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        body = CONTENT[start:]
        self.wfile.write({"half": body[: len(body) // 2], "altered": b"x" + body[1:], "silent": b""}.get(answer, body))
        self.wfile.flush()
        if answer == "silent":
            time.sleep(0.8)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(("127.0.0.1", 0), Handler)
    server.answers, server.ranges = ["whole"], []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def fetch(server: Server, folder: Path, *answers: str) -> Path:
    """Download with a server that gives these answers one after the other."""
    server.answers = list(answers)
    path = folder / "raw" / "file.tar.gz"
    download(server.url, path, SHA256, advice=ADVICE, patience=QUICK)
    return path


def left_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "raw").iterdir() if path.suffix != ".lock"}


def test_whole_file(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}
    assert server.ranges == [None]


def test_a_lost_connection_is_resumed_where_it_ended(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "half", "half", "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}
    assert server.ranges == [None, f"bytes={len(CONTENT) // 2}-", f"bytes={len(CONTENT) * 3 // 4}-"]


def test_the_next_call_resumes_the_part_that_an_earlier_one_left(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"tried 3 times; the last time: the connection was lost: .*Put it at data/raw"):
        fetch(server, tmp_path, "half")
    assert left_in(tmp_path) == {"file.tar.gz.part": CONTENT[: len(CONTENT) * 7 // 8]}
    fetch(server, tmp_path, "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}
    assert server.ranges[-1] == f"bytes={len(CONTENT) * 7 // 8}-"


def test_a_second_download_of_a_file_names_the_first(server: Server, tmp_path: Path) -> None:
    with (
        files.locked(tmp_path / "raw/file.tar.gz.lock", str),
        pytest.raises(UserError, match=rf"file\.tar\.gz is being downloaded by process {os.getpid()}; run this again"),
    ):
        fetch(server, tmp_path, "whole")
    assert server.ranges == []


def test_server_that_ignores_range(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "half", "ignores range")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}
    assert server.ranges[1] is not None


def test_part_that_is_already_whole(server: Server, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.tar.gz.part").write_bytes(CONTENT)
    fetch(server, tmp_path, "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}


@pytest.mark.parametrize("part", [b"of another file", CONTENT + b"and more"])
def test_part_of_another_file_is_thrown_away(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "file.tar.gz.part").write_bytes(part)
    fetch(server, tmp_path, "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}
    assert server.ranges == [f"bytes={len(part)}-", None]


def test_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"sent a file whose SHA-256 is not {SHA256}. {ADVICE}"):
        fetch(server, tmp_path, "altered")
    assert left_in(tmp_path) == {}
    assert len(server.ranges) == 1


def test_server_errors_pass(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "500", "503", "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}


def test_server_error_that_stays(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"tried 3 times; the last time: HTTP 500 .*{ADVICE}"):
        fetch(server, tmp_path, "500")
    assert left_in(tmp_path) == {}


def test_missing_file_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"404 .*{ADVICE}"):
        fetch(server, tmp_path, "404")
    assert len(server.ranges) == 1


def test_silent_server_is_left_and_tried_again(server: Server, tmp_path: Path) -> None:
    fetch(server, tmp_path, "silent", "whole")
    assert left_in(tmp_path) == {"file.tar.gz": CONTENT}


def test_server_that_stays_silent(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"tried 3 times; the last time: .*[Tt]imed out.*{ADVICE}"):
        fetch(server, tmp_path, "silent")


def test_refused_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    with pytest.raises(UserError, match=f"cannot download http://127.0.0.1:{port}/a .*refused.*{ADVICE}"):
        download(f"http://127.0.0.1:{port}/a", tmp_path / "raw" / "a", SHA256, advice=ADVICE, patience=QUICK)
    assert left_in(tmp_path) == {}


def test_pauses_double(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    server.answers = ["500"]
    with pytest.raises(UserError, match="tried 5 times"):
        download(server.url, tmp_path / "a", SHA256, advice=ADVICE, patience=Patience())
    assert pauses == [1, 2, 4, 8]


def test_full_disk_leaves_no_part(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    full = OSError(28, "No space left on device")

    def fail(*_: object) -> None:
        raise full

    monkeypatch.setattr("attnbench.data.download.tqdm.update", fail)
    with pytest.raises(OSError, match="No space left"):
        fetch(server, tmp_path, "whole")
    assert left_in(tmp_path) == {}
