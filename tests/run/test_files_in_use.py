"""The files of running stages in DVC's `rwlock`."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from dvc.lock import LockError
from dvc.repo import Repo

from attnbench.run.dvc_errors import busy
from attnbench.run.files_in_use import FilesInUse

pytestmark = pytest.mark.filterwarnings("ignore:_NoneStep:DeprecationWarning")  # of a package that DVC uses


@pytest.fixture
def repo(tmp_path: Path) -> Iterator[Any]:
    with Repo.init(str(tmp_path), no_scm=True) as repo:
        yield repo


@pytest.fixture
def rwlock(repo: Any) -> Path:
    return Path(repo.tmp_dir) / "rwlock"


def test_a_file_is_in_use_until_its_last_stage_has_ended(repo: Any, rwlock: Path) -> None:
    in_use = FilesInUse(repo)
    in_use.add(["/images"], ["/first"])
    in_use.add(["/images"], ["/second"])
    in_use.remove(["/images", "/first"])
    entries = json.loads(rwlock.read_bytes())
    assert ([*entries["read"]], [*entries["write"]]) == (["/images"], ["/second"])
    in_use.remove(["/images", "/second"])
    assert json.loads(rwlock.read_bytes()) == {"read": {}, "write": {}}


@pytest.mark.parametrize(
    ("mode", "reads", "writes"), [("write", ["/a"], []), ("write", [], ["/a"]), ("read", [], ["/a"])]
)
def test_a_file_of_another_command_is_not_taken(
    repo: Any, rwlock: Path, mode: str, reads: list[str], writes: list[str]
) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        entry = {"pid": other.pid, "cmd": "/usr/bin/dvc repro studies/a/dvc.yaml"}
        text = json.dumps({mode: {"/a": [entry] if mode == "read" else entry}})
        rwlock.write_text(text)
        with pytest.raises(LockError) as error:
            FilesInUse(repo).add(reads, writes)
        name = f"process {other.pid}: dvc repro studies/a/dvc.yaml"
        assert str(busy(error.value)) == f"another DVC command has to end first ({name})"
        assert rwlock.read_text() == text
        other.kill()
    FilesInUse(repo).add(reads, writes)  # it has ended


def test_a_process_that_got_the_number_of_one_that_was_killed_is_not_waited_for(repo: Any, rwlock: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        rwlock.write_text(json.dumps({"write": {"/a": {"pid": other.pid, "cmd": "/usr/bin/dvc repro"}}}))
        in_use = FilesInUse(repo)
        in_use.repair()
        with pytest.raises(LockError):
            in_use.add([], ["/a"])
        os.utime(rwlock, (0, 0))  # before the process started
        in_use.repair()
        in_use.add([], ["/a"])
        other.kill()


def test_several_commands_may_read_a_file(repo: Any, rwlock: Path) -> None:
    with subprocess.Popen(["sleep", "60"]) as other:
        entry = {"pid": other.pid, "cmd": "dvc repro"}
        rwlock.write_text(json.dumps({"read": {"/a": [entry]}}))
        in_use = FilesInUse(repo)
        in_use.add(["/a"], [])
        in_use.remove(["/a"])
        assert json.loads(rwlock.read_bytes())["read"] == {"/a": [entry]}
        other.kill()


def test_a_file_that_was_cut_short_is_replaced(repo: Any, rwlock: Path) -> None:
    rwlock.write_text('{"read": {"/a": [{"pi')
    in_use = FilesInUse(repo)
    in_use.repair()
    in_use.add(["/a"], [])
    in_use.repair()
    assert [*json.loads(rwlock.read_bytes())["read"]] == ["/a"]
