"""A project with the real dvc.yaml and the real stage `code`; all other stages are stand-ins that take no time."""

import fcntl
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import params
import pytest

ROOT = Path(__file__).parents[2]
COPIED = (
    "src",
    ".dvc/plots",
    ".dvc/config",
    "dvc.yaml",
    ".dvcignore",
    ".gitignore",
    "stages/source.py",
    "stages/code.py",
)
STAGES = ("data", "cost", "ready", "train", "latency", "views", "ablate", "robustness", "maps", "analyse", "report")
IGNORED = ("ran", "started", "broken", "full", "slow", "parents", "meet")


class Project:
    """The folder, and what has run in it. Stand-ins need no torch, which takes seconds to load, and find none."""

    def __init__(self, root: Path, *, has_torch: bool = False) -> None:
        self.root = root
        self.has_torch = has_torch

    def ran(self) -> list[str]:
        """Return the names of the stand-ins that ended since the last call, sorted."""
        return sorted(name for name, _, _ in self.spans())

    def spans(self) -> list[tuple[str, float, float]]:
        """Return name, begin and end of the stand-ins that ended since the last call."""
        path = self.root / "ran"
        lines = path.read_text().splitlines() if path.exists() else []
        path.write_text("")
        return [(name, float(began), float(ended)) for name, began, ended in map(str.split, lines)]

    def start(self, *command: str) -> "subprocess.Popen[str]":
        """Start a command in the project; `attnbench` is the one of this project's package."""
        name, *arguments = command
        code = "import sys; sys.path.insert(0, 'src'); from attnbench.cli import main; main()"
        programs = {"attnbench": ["-c", code], "dvc": ["-m", "dvc"]}
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {
            **os.environ,
            "PATH": os.defpath if name == "attnbench" else path,
        }  # attnbench finds python itself
        if not self.has_torch:
            environment["PYTHONPATH"] = hide_torch(self.root / ".git/without_torch")
        return subprocess.Popen(
            [sys.executable, *programs[name], *arguments] if name in programs else list(command),
            cwd=self.root,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def call(self, *command: str) -> str:
        """Run a command that succeeds; return what it wrote."""
        process = self.start(*command)
        output, _ = process.communicate(timeout=300)
        assert process.returncode == 0, output
        return output

    def git(self, *arguments: str) -> str:
        return self.call("git", *arguments)

    def commit(self, message: str) -> None:
        self.git("add", ".")
        self.git("commit", "-q", "-m", message)

    def add_study(self, name: str) -> Path:
        """Copy the params.yaml at the root to a study that never ran; return its folder."""
        folder = self.root / "studies" / name
        folder.mkdir(parents=True)
        text = (self.root / "params.yaml").read_text().replace("name: small", f"name: {name}", 1)
        text = text.replace("root: .\n", "root: ../..\n")
        (folder / "params.yaml").write_text(text.replace("params: params", f"params: studies/{name}/params"))
        return folder

    def edit(self, file: str, old: str, new: str) -> None:
        path = self.root / file
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))


def copy_checkout(root: Path) -> None:
    """Copy what a project needs of this checkout, and start a git repository."""
    for name in COPIED:
        source, target = ROOT / name, root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
        elif source.exists():
            shutil.copy(source, target)
    (root / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n")
    for command in (["init", "-q"], ["config", "user.name", "test"], ["config", "user.email", "test@example.org"]):
        subprocess.run(["git", *command], cwd=root, check=True)


def new_project(root: Path, **changes: Any) -> Project:
    """Return a project that never ran; `changes` are those of the small study's params.yaml."""
    copy_checkout(root)
    params.write(root, **changes)
    for stage in STAGES:
        shutil.copy(Path(__file__).with_name("fake_stage.py"), root / "stages" / f"{stage}.py")
    (root / "src/attnbench/marker.py").write_text("VALUE = 1\n")
    with (root / ".gitignore").open("a") as stream:
        stream.writelines(f"/{name}\n" for name in IGNORED)
    return Project(root)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project that never ran."""
    return new_project(tmp_path)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a project in which the study ran and was committed: the first worker that asks makes it for all."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    root, done = shared / "template", shared / "template.done"
    with (shared / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed
        if not done.exists():
            shutil.rmtree(root, ignore_errors=True)
            root.mkdir()
            project = new_project(root)
            project.call("dvc", "repro", "-q")
            project.commit("Run the small study")
            done.touch()
    return root


@pytest.fixture(scope="module")
def finished(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Return a copy of the project in which the study ran, to change."""
    root = tmp_path_factory.mktemp("finished") / "project"
    shutil.copytree(template, root, symlinks=True)
    return Project(root)


@pytest.fixture
def without_torch(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Let the processes of a test find no torch. Return the first folder in which they look for modules."""
    folder = tmp_path_factory.mktemp("stub")
    monkeypatch.setenv("PYTHONPATH", hide_torch(folder))
    return folder


def hide_torch(folder: Path) -> str:
    """Write a torch that cannot be imported; return a PYTHONPATH that begins with it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "torch.py").write_text("raise ImportError\n")
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])


def is_alive(process: int) -> bool:
    """Return whether a process runs, and is no zombie."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def processes_in(folder: Path) -> dict[int, str]:
    """Return the commands of all processes that work in a folder or below it, also of those that lost their parent."""
    commands = {}
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended
            if (process / "cwd").readlink().is_relative_to(folder):
                commands[int(process.name)] = (process / "cmdline").read_text().replace("\0", " ").strip()
    return commands
