"""Wrong commands. Each ends with one clear line and status 1, or argparse's usage and status 2, and writes nothing."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import params
import pytest
from git_repository import commit_all, git
from made_records import make_run, write_runs

from attnbench import cli

from .refusal import assert_clear, snapshot

LONG = "a" * 300
COMMANDS = {  # arguments: part of the message
    "": "required: COMMAND",
    "train": "invalid choice: 'train'",
    "run nosuch": "no study 'nosuch'; there are 'small'",
    "run smal": "did you mean 'small'?",
    "run ../small": "no study '../small'",
    f"run {LONG}": "no study 'aaa",
    "run --jobs 0": "must be at least 1",
    "run --jobs -3": "must be at least 1",
    "run --jobs two": "given 'two'; must be a whole number",
    "run --jobs 1e3": "given '1e3'; must be a whole number",
    "run --jobs 99999999999": "at most 1000000",
    f"run --jobs {'9' * 5000}": "must be a whole number",
    "run --job": "expected one argument",
    "run a b": "unrecognized arguments: b",
    "run --allow-missing=yes": "ignored explicit argument",
    "status nosuch": "no study 'nosuch'",
    f"status {LONG}": "no study 'aaa",
    "plan nosuch --spread 1": "no study 'nosuch'",
    "plan small --like nosuch": "no study 'nosuch'",
    "plan small --spread 1 --like small": "not allowed with argument",
    "plan small --spread wide": "given 'wide'; must be a number, such as 0.35",
    "plan small --spread nan": "must be between 0 and 100 percentage points",
    "plan small --spread 0": "must be between 0 and 100 percentage points",
    "verify nosuch": "no study 'nosuch'",
    "verify": "dvc.lock does not exist, so nothing is recorded; run the study first: attnbench run small",
    "verify --runs 0": "must be at least 1",
    "verify --runs nan": "must be a whole number",
    "compare": "required: A",
    "compare small": "both sides are study 'small' in the working tree",
    "compare small small": "both sides are study 'small' in the working tree",
    "compare nosuch": "no runs of study 'nosuch' in the working tree; there are runs of 'small'",
    "compare smal": "did you mean 'small'?",
    "compare HEAD:nosuch small": "no runs of study 'nosuch' at revision HEAD",
    "compare v9:small small": "revision 'v9' cannot be read",
    "compare HEAD~99:small small": "revision 'HEAD~99' cannot be read",
    "compare -x:small small": "unrecognized arguments: -x:small",
    "compare --output=x:small small": "unrecognized arguments",
    "compare :small small": "a side is STUDY or REV:STUDY",
    "compare HEAD: small": "a side is STUDY or REV:STUDY",
    "compare ../small small": "a side is STUDY or REV:STUDY",
    "compare HEAD:$(touch\\P) small": "a side is STUDY or REV:STUDY",
    "compare HEAD:small\x1b[2J small": "a side is STUDY or REV:STUDY",
    f"compare {LONG} small": "a side is STUDY or REV:STUDY",
    f"compare {LONG}:small small": "cannot be read",
    "compare HEAD:small small --confidence 0": "must lie between 0 and 1",
    "compare HEAD:small small --confidence 95": "must lie between 0 and 1",
    "compare HEAD:small small --confidence nan": "must lie between 0 and 1",
    "compare HEAD:small small --confidence inf": "must lie between 0 and 1",
    "compare HEAD:small small --confidence x": "invalid float value",
    "compare HEAD:small small --json results": "given 'results', which is not a file",
    "compare HEAD:small small --json .": "given '.', which is not a file",
    "compare HEAD:small small --json /dev/null": "given '/dev/null', which is not a file",
    "compare HEAD:small small --json params.yaml/x": "params.yaml' is not a folder",
    "compare HEAD:small small --json params.yaml/x/y": "params.yaml' is not a folder",
    f"compare HEAD:small small --json {LONG}": "with a name that is too long",
    f"compare HEAD:small small --json x/{LONG}/y": "with a name that is too long",
    "compare HEAD:small small --json": "expected one argument",
    "modules nosuch": "no module 'nosuch'; allowed: 'bam'",
    "modules ": "no module ''",
    "modules ../se": "'../se' is not of the form `package.module`",
    "modules SEE": "did you mean 'se'?",
    f"modules {LONG}": "no module 'aaa",
    "modules se --write x": "not allowed with argument NAME",
    "modules --write results": "given 'results', which is not a file",
    "modules --write params.yaml/x": "is not a folder",
    "bench nosuch": "no study 'nosuch'",
    "bench --variants nosuch": "has no variant 'nosuch'",
    "bench --rounds 0": "must be at least 1",
    "bench --images 10000000000000": "at most 1000000",
    "bench --batch-size -1": "must be at least 1",
    "bench --precision fp8": "invalid choice: 'fp8'",
    "bench --json results": "given 'results', which is not a file",
    "match": "required: STUDY, VARIANT, --by",
    "match nosuch se --by parameters": "no study 'nosuch'",
    "match small nosuch --by parameters": "has no variant 'nosuch'",
    "match small se --by heart": "invalid choice: 'heart'",
    "match small se --by parameters --batch-size 4": "--batch-size 4 needs --by latency",
    "match small se --by latency --batch-size 0": "must be at least 1",
    "explain": "required: RUN, IMAGE",
    "explain runs/nosuch x.png": "is no run; give a folder `runs/STUDY/VARIANT-SEED`",
    "explain runs/nosuch x.png --method cam": "invalid choice: 'cam'",
    "export": "required: RUN",
    "export runs/nosuch": "is no run; give a folder `runs/STUDY/VARIANT-SEED`",
    "export runs/nosuch --format tf": "invalid choice: 'tf'",
    "new": "required: NAME",
    "new se": "se.py exists; choose another name",
    "new none": "means the network without attention",
    "new Mine": "must start with a letter a-z",
    "new 1a": "must start with a letter a-z",
    "new a-b": "must start with a letter a-z",
    "new class": "must not be a Python keyword",
    "new mine.class": "must not be a Python keyword",
    "new ../evil": "must start with a letter a-z",
    "new mine/gate": "must start with a letter a-z",
    "new mine.": "'' must start with a letter a-z",
    "new .gate": "'' must start with a letter a-z",
    "new gate.py": "is the name of a file; write 'gate'",
    "new os.path": "choose another name",
    "new torch.gate": "choose another name",
    "new attnbench.gate": "are named without dots",
    "new caf\xe9": "must start with a letter a-z",
    "new a\x1b[2J": "must start with a letter a-z",
    f"new {LONG}": "at most 64 of them",
    f"new mine.{LONG}": "at most 64 of them",
}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one study, and two recorded runs of it in git."""
    root = tmp_path_factory.mktemp("repository")
    (root / ".dvc").mkdir()
    (root / "dvc.yaml").write_text("stages: {}\n")
    folder = root / "src" / "attnbench" / "networks" / "attention"
    folder.mkdir(parents=True)
    (folder / "se.py").write_text("")
    params.write(root)
    write_runs(root, [make_run("se", seed, 0.7, study="small") for seed in (0, 1)])
    git(root, "init", "-q")
    commit_all(root, "First")
    return root


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: re.sub(r"\W+", " ", command)[:60])
def test_a_wrong_command(
    command: str, repository: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(repository)
    monkeypatch.setattr(sys, "argv", ["attnbench", *command.split(" ")] if command else ["attnbench"])
    before = snapshot(repository)
    with pytest.raises(SystemExit) as ended:
        cli.main()
    output = capsys.readouterr()
    assert output.out == ""
    assert snapshot(repository) == before
    if ended.value.code == 2:
        assert_clear(output.err.splitlines()[-1], COMMANDS[command])
    else:
        assert_clear(str(ended.value.code), COMMANDS[command])


@pytest.mark.parametrize("kind", ["folder", "pipe", "random bytes", "another run", "params"])
def test_a_damaged_file_of_a_side(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {}\n")
    write_runs(tmp_path, [make_run("se", 0, 0.7, study=study) for study in ("small", "other")])
    path = tmp_path / "results" / "small" / "runs" / "se-1.json"
    match kind:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "random bytes":
            path.write_bytes(bytes(range(256)))
        case "another run":
            path.write_bytes(path.with_name("se-0.json").read_bytes())
        case _:
            path = tmp_path / "params.yaml"
            path.write_text("<<<<<<< HEAD\nname: small\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["attnbench", "compare", "small", "other"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert_clear(str(ended.value.code), path.name)
    assert capsys.readouterr().out == ""


def test_a_lock_with_a_conflict_has_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {data: {cmd: 'true'}}\n")
    params.write(tmp_path)
    (tmp_path / "dvc.lock").write_text("stages:\n<<<<<<< HEAD\n  data:\n    cmd: x\n=======\n>>>>>>> theirs\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["attnbench", "status", "small"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert_clear(
        str(ended.value.code), "dvc.lock cannot be read: git left a conflict in it, first in line 2. Where the"
    )


@pytest.mark.parametrize(
    ("name", "make", "expected"),
    [
        ("dvc.lock", Path.mkdir, "dvc.lock is a folder; remove it."),
        ("dvc.lock", os.mkfifo, "dvc.lock is a device or a pipe, not a file"),
        ("x", os.mkfifo, "x is a device or a pipe, not a file; remove it, and restore"),
        ("x", lambda path: path.symlink_to("/dev/zero"), "x is a device or a pipe, not a file"),
    ],
)
def test_what_dvc_would_read_without_an_end(
    name: str, make: Callable[[Path], None], expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {data: {cmd: 'true', deps: [x]}}\n")
    params.write(tmp_path)
    if name != "dvc.lock":
        (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    make(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["attnbench", "status", "small"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert_clear(str(ended.value.code), expected)


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        (".git", None, "is not a git repository, which DVC needs; clone it with git, or type `git init`"),
        (".dvc/config", "[core\n", "DVC cannot read .dvc/config: config file error: Invalid line"),
        ("dvc.yaml", "", "dvc.yaml has no stages; restore it with `git checkout HEAD -- dvc.yaml`"),
    ],
)
def test_a_project_that_dvc_cannot_use(
    name: str, content: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").write_text("stages: {data: {cmd: 'true'}}\n")
    (tmp_path / "dvc.lock").write_text("schema: '2.0'\nstages: {}\n")
    params.write(tmp_path)
    if content is not None:
        git(tmp_path, "init", "-q")
        (tmp_path / name).write_text(content)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["attnbench", "status", "small"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert_clear(str(ended.value.code), expected)


def test_a_folder_that_was_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["attnbench", "status"])
    tmp_path.rmdir()
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert_clear(str(ended.value.code), "the folder in which this runs has been removed")


def test_a_closed_output_ends_without_a_traceback() -> None:
    """As with `attnbench modules >&-`."""
    close = "import os; os.close(1); os.close(2)\n"
    start = f"import os, subprocess, sys\n{close}os.execv(sys.executable, [sys.executable, '-c', sys.argv[1]])"
    program = "import sys; from attnbench.cli import main; sys.argv = ['attnbench', 'modules']; main()"
    done = subprocess.run([sys.executable, "-c", start, program], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
