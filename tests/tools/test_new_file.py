"""The file that `attnbench new` writes, and the names that it refuses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.errors import UserError
from attnbench.study import attention, module_files
from attnbench.tools import new as scaffold

ROOT = Path(__file__).parents[2]
RUFF = Path(sys.executable).with_name("ruff")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository whose src/ Python looks into."""
    (tmp_path / "src/attnbench/networks/attention").mkdir(parents=True)
    (tmp_path / "src/attnbench/networks/attention/se.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "src")])
    return tmp_path


def written(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("soft_gate", {"src/attnbench/networks/attention/soft_gate.py"}),
        ("mine.soft_gate", {"src/mine/__init__.py", "src/mine/soft_gate.py"}),
        ("mine.new.gate", {"src/mine/__init__.py", "src/mine/new/__init__.py", "src/mine/new/gate.py"}),
    ],
)
def test_where_a_module_goes(root: Path, name: str, files: set[str]) -> None:
    before = written(root)
    path = scaffold.create(name, "channel", root)
    assert written(root) - before == files
    assert path.relative_to(root).as_posix() in files


def test_a_package_that_is_there_keeps_what_it_has(root: Path) -> None:
    """A package may also lie beside src/, and need have no `__init__.py`."""
    (root / "beside").mkdir()
    (root / "beside/gates.py").write_text("X = 1\n")
    before = written(root)
    assert scaffold.create("beside.soft", "channel", root) == root / "beside/soft.py"
    assert written(root) - before == {"beside/soft.py"}
    assert (root / "beside/gates.py").read_text() == "X = 1\n"


def test_a_folder_without_python_files_is_no_package(root: Path) -> None:
    (root / "data").mkdir()
    assert scaffold.create("data.soft", "channel", root) == root / "src/data/soft.py"


@pytest.mark.parametrize("gate", ["channel", "spatial"])
def test_the_file_is_clean_python_that_says_what_is_left(root: Path, gate: str) -> None:
    path = scaffold.create("soft_gate", gate, root)
    for check in (["check"], ["format", "--diff"]):
        command = [RUFF, *check, "-", "--stdin-filename", "src/attnbench/networks/attention/soft_gate.py"]
        done = subprocess.run(command, input=path.read_text(), cwd=ROOT, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
    names = dict[str, object]()
    exec(compile(path.read_text(), path, "exec"), names)
    assert names["SoftGate"].__doc__ == "The gate of the header."
    assert module_files.options(path) == {}
    assert {"PAPER", "build", "parameter_count"} <= module_files.defined(path)
    assert f'"{gate}": self.gate(x)' in path.read_text()
    assert scaffold.SHAPES[gate] in path.read_text()


def test_each_place_to_fill_in_is_told(root: Path) -> None:
    path = scaffold.create("soft_gate", "channel", root)
    told = [int(line.removeprefix(f"{path}:").partition(":")[0]) for line in scaffold.unfilled(path)]
    ranges = [range(int(first), int(last) + 1) for first, last in (r.split("-") for r in scaffold.places_to_fill(path))]
    lines = path.read_text().splitlines()
    assert [sum(line in lines_of for line in told) for lines_of in ranges] == [6, 2]
    assert lines[ranges[0][-1] - 1].startswith("PAPER = ")
    assert lines[ranges[1][0] - 1].startswith("class SoftGate(Gate)")


def test_no_module_of_attnbench_is_left_half_written() -> None:
    assert [line for name in attention.names() for line in scaffold.unfilled(attention.path(name))] == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("se", r"^src/attnbench/networks/attention/se\.py exists; choose another name, or edit what is there$"),
        ("none", r"^'none' stands for the network without attention"),
        ("_gate", r"^'_gate' is no name for a module: '_gate' must begin with a-z"),
        ("Gate", r"^'Gate' is no name for a module"),
        ("a-b", r"^'a-b' is no name for a module"),
        ("1a", r"^'1a' is no name for a module"),
        ("class", r"and be no word of Python's own$"),
        ("", r"^'' is no name for a module"),
        ("mine.", r"^'mine\.' is no name for a module: '' must begin"),
        ("mine._gate", r"^'mine\._gate' is no name for a module: '_gate' must"),
        ("gate.py", r"^'gate\.py' is a file's name; write 'gate'$"),
        ("torch.gate", r"^'torch' is a package installed in \S*site-packages; choose another name for your own$"),
        ("os.gate", r"^Python has a module 'os' that is no package"),
        ("attnbench.gate", r"^modules of attnbench itself are named without dots$"),
        ("mine.sub", r"^src/mine/sub exists; choose another name"),
    ],
)
def test_a_name_that_cannot_be_writes_nothing(root: Path, name: str, message: str) -> None:
    (root / "src/mine/sub").mkdir(parents=True)
    (root / "src/mine/other.py").touch()
    before = set(root.rglob("*"))
    with pytest.raises(UserError) as caught:
        scaffold.create(name, "channel", root)
    assert re.search(message, str(caught.value)), str(caught.value)
    assert set(root.rglob("*")) == before
