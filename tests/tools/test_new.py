"""The file that `attnbench new` writes, and the names that it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from attnbench.errors import UserError
from attnbench.networks import Gate
from attnbench.study import module_files
from attnbench.tools import new

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.executable).with_name("ruff")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a module `se`; Python finds packages in its src/ and tests/, and next to it."""
    root = tmp_path / "repository"
    (root / "src/attnbench/networks/attention").mkdir(parents=True)
    (root / "src/attnbench/networks/attention/se.py").touch()
    (root / "tests/inner").mkdir(parents=True)
    (root / "tests/inner/test_gates.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, *(str(path) for path in (root / "src", root / "tests", tmp_path))])
    return root


def files(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("soft_gate", {"src/attnbench/networks/attention/soft_gate.py"}),
        ("mine.soft_gate", {"src/mine/__init__.py", "src/mine/soft_gate.py"}),
        ("mine.new.gate", {"src/mine/__init__.py", "src/mine/new/__init__.py", "src/mine/new/gate.py"}),
    ],
)
def test_where_a_module_goes(root: Path, name: str, written: set[str]) -> None:
    before = files(root)
    path = new.create(name, root)
    assert files(root) - before == written
    assert path.relative_to(root).as_posix() in written


def test_a_package_that_exists_keeps_its_files(root: Path) -> None:
    """A package may also lie outside the repository, and need not have an `__init__.py`."""
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "gates.py").write_text("X = 1\n")
    before = files(root)
    assert new.create("outside.soft", root) == outside / "soft.py"
    assert files(outside) == {"gates.py", "soft.py"}
    assert files(root) == before
    assert (outside / "gates.py").read_text() == "X = 1\n"


def test_a_folder_without_python_files_is_no_package(root: Path) -> None:
    (root / "tests/pictures").mkdir()
    assert new.create("pictures.soft", root) == root / "src/pictures/soft.py"


def test_the_file_is_a_clean_module_without_a_gate(root: Path) -> None:
    path = new.create("soft_gate", root)
    for check in (["check"], ["format", "--diff"]):
        command = [RUFF, *check, "-", "--stdin-filename", "src/attnbench/networks/attention/soft_gate.py"]
        done = subprocess.run(command, input=path.read_text(), cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert module_files.class_name(path) == "SoftGate"
    assert module_files.options(path) == {}
    names = dict[str, type[Gate]]()
    exec(compile(path.read_text(), path, "exec"), names)
    with pytest.raises(NotImplementedError, match="FILL IN the gate of x"):
        names["SoftGate"](8)(torch.zeros(1, 8, 4, 4))


def test_whatever_the_author_has_to_write_is_marked() -> None:
    marked = [line.strip() for line in new.text("soft_gate").splitlines() if module_files.FILL_IN in line]
    assert len(marked) == 7
    assert marked[0] == '"""FILL IN what the module does, in one sentence.'
    assert marked[-2].startswith('PAPER = "FILL IN authors')
    assert marked[-1].startswith('raise NotImplementedError("FILL IN the gate')


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("_gate", r"^'_gate' is not valid for a module: '_gate' must start with a letter a-z"),
        ("", r"^'' is not valid for a module"),
        ("mine._gate", r"^'mine\._gate' is not valid for a module: '_gate' must"),
        ("torch.gate", r"^'torch' is a package installed in \S*site-packages; choose another name for yours$"),
        ("os.gate", r"^Python has a module 'os' that is not a package"),
        ("inner.gate", r"^'inner' is a package in tests/inner, and .*; choose another name, or move .* to src/inner$"),
        ("mine.sub", r"^src/mine/sub exists; choose another name, or edit it$"),
    ],
)
def test_an_invalid_name_writes_nothing(root: Path, name: str, message: str) -> None:
    (root / "src/mine/sub").mkdir(parents=True)
    (root / "src/mine/other.py").touch()
    before = set(root.rglob("*"))
    with pytest.raises(UserError) as caught:
        new.create(name, root)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert set(root.rglob("*")) == before
