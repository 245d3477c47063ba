"""A DVC remote between machines: docs/scaling.md has these commands. A folder, and S3 as a local server offers it."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pytest

from .conftest import Project

WEIGHTS = "runs/small/se-{}/checkpoint.safetensors"


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start a server that speaks S3, with a bucket; yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "us-east-1")
    with (tmp_path / "log").open("wb") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                urlopen(Request(f"{address}/bucket", method="PUT")).close()
                break
            except URLError:
                assert time.monotonic() < deadline
                time.sleep(0.1)
        yield address
    finally:
        process.kill()
        process.wait()


def clone(project: Project, root: Path) -> Project:
    project.git("clone", "-q", str(project.root), str(root))
    other = Project(root)
    other.git("config", "user.name", "other")
    other.git("config", "user.email", "other@example.org")
    return other


def test_what_one_machine_trains_another_has_not_to_train(finished: Project, tmp_path: Path) -> None:
    finished.call("dvc", "remote", "add", "-d", "store", str(tmp_path / "store"))
    finished.commit("Name the remote")
    finished.call("dvc", "push", "-q", "dvc.yaml")
    other = clone(finished, tmp_path / "other")
    other.call("dvc", "pull", "-q", "dvc.yaml")
    assert (other.root / WEIGHTS.format(0)).exists()
    assert "small is up to date" in other.call("attnbench", "run")
    assert other.ran() == []

    other.edit("params.yaml", "- 0\n- 1\n", "- 0\n- 1\n- 2\n")
    other.call("attnbench", "run")
    assert [name for name in other.ran() if name.startswith("train")] == ["train@baseline-2", "train@se-2"]
    other.commit("Train another seed")
    other.call("dvc", "push", "-q", "dvc.yaml")
    finished.git("pull", "-q", str(other.root))
    finished.call("dvc", "pull", "-q", "dvc.yaml")
    assert (finished.root / WEIGHTS.format(2)).exists()
    finished.ran()
    assert "small is up to date" in finished.call("attnbench", "run")
    assert finished.ran() == []
    assert finished.git("status", "--porcelain") == ""


@pytest.mark.skipif(not (find_spec("dvc_s3") and find_spec("moto")), reason="needs pip install 'dvc-s3' 'moto[server]'")
def test_weights_come_from_s3(finished: Project, tmp_path: Path, server: str) -> None:
    finished.call("dvc", "remote", "add", "-d", "-f", "store", "s3://bucket/attnbench")
    finished.call("dvc", "remote", "modify", "store", "endpointurl", server)
    finished.commit("Name the remote")
    finished.call("dvc", "push", "-q", "dvc.yaml")
    other = clone(finished, tmp_path / "other")
    other.call("dvc", "pull", "-q", "dvc.yaml")
    assert (other.root / WEIGHTS.format(0)).exists()
    assert "up to date" in other.call("dvc", "status", "dvc.yaml")
