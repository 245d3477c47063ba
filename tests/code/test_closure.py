"""Which files a script reaches, and which edits change their hash."""

from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench.code.closure import Closure, Sources
from attnbench.errors import UserError

FILES = {
    "__init__.py": '"""The package."""\n',
    "networks/__init__.py": "from attnbench.networks.gates import Gate\n",
    "networks/gates.py": "class Gate:\n    x = 1\n",
    "networks/building.py": "from attnbench.networks import slots\ndef build(): return slots.place()\n",
    "networks/slots.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    from attnbench.report import TITLE\nelse:\n    X = 1\ndef place(): return 1\n",
    "networks/attention/__init__.py": '"""Modules."""\n',
    "networks/attention/se.py": '"""Header."""\nfrom attnbench.networks import Gate\nR = 16\n',
    "train/__init__.py": "",
    "train/trial.py": "import torch\nfrom .step import step\nfrom attnbench import records\ndef run(): return step()\n",
    "train/step.py": "def step():\n    from attnbench.networks.building import build\n    return build()\n",
    "records/__init__.py": "from attnbench.report import TITLE\n",
    "report.py": "TITLE = 'x'\n",
}
TRIAL = {"networks/__init__.py", "networks/gates.py", "networks/building.py", "networks/slots.py"}
TRIAL |= {"train/trial.py", "train/step.py", "records/__init__.py", "report.py"}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "src" / "attnbench"
    for name, text in FILES.items():
        write(folder / name, text)
    return folder


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def closure(package: Path, root: str, left_out: tuple[str, ...] = ()) -> Closure:
    return Closure([package / root], Sources([package]), [package / name for name in left_out])


def reached(package: Path, root: str, *left_out: str) -> set[str]:
    """Return the files reached that have a statement."""
    files = closure(package, root, left_out).files
    return {path.relative_to(package).as_posix() for path, file in files.items() if file.body}


def edit(path: Path, old: str, new: str) -> None:
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_imports_are_followed_relative_ones_and_those_inside_functions_too(package: Path) -> None:
    assert reached(package, "train/trial.py") == TRIAL


def test_a_script_outside_the_package_can_be_a_root(package: Path) -> None:
    write(package.parents[1] / "stages/train.py", "from attnbench.train import step\n")
    assert package / "networks/slots.py" in closure(package, "../../stages/train.py").files


def test_files_can_be_left_out_with_all_that_only_they_reach(package: Path) -> None:
    assert reached(package, "train/trial.py", "records/__init__.py") == TRIAL - {"records/__init__.py", "report.py"}


def test_imports_for_the_type_checker_are_not_followed(package: Path) -> None:
    assert "report.py" not in reached(package, "networks/slots.py")
    edit(package / "networks/slots.py", "X = 1", "import attnbench.report")
    assert "report.py" in reached(package, "networks/slots.py")


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("networks/attention/se.py", "Header", "Another header"),
        ("networks/attention/se.py", "R = 16", "# why\n\nR = (0x10)  # paper"),
        ("networks/attention/se.py", "import Gate", "import (\n    Gate,\n)"),
        ("networks/gates.py", "    x", "    '''A gate.'''\n    x"),
        ("networks/slots.py", "attnbench.report import TITLE", "attnbench.records import X"),
        ("networks/attention/__init__.py", "Modules", "Attention modules"),
    ],
)
def test_words_layout_and_types_change_nothing(package: Path, file: str, old: str, new: str) -> None:
    roots = ("networks/attention/se.py", "networks/building.py")
    before = [closure(package, root).sha256() for root in roots]
    edit(package / file, old, new)
    assert [closure(package, root).sha256() for root in roots] == before


@pytest.mark.parametrize("value", ["17", "16.0", "True", "'16'", "b'16'", "-16", "None"])
def test_an_edit_changes_the_hash_and_shows_in_its_file_alone(package: Path, value: str) -> None:
    before = closure(package, "networks/attention/se.py")
    edit(package / "networks/attention/se.py", "16", value)
    after = closure(package, "networks/attention/se.py")
    assert before.sha256() != after.sha256()
    changed = [path.name for path in before.files if before.files[path].body != after.files[path].body]
    assert changed == ["se.py"]


def test_an_edit_far_away_changes_the_hash(package: Path) -> None:
    before = closure(package, "train/trial.py").sha256()
    edit(package / "networks/slots.py", "return 1", "return 2")
    assert closure(package, "train/trial.py").sha256() != before


def move(package: Path, old: str, new: str) -> None:
    """Move a file, and change the imports that lead to it, as a person would."""
    write(package / new, (package / old).read_text())
    (package / old).unlink()
    names = [".".join(Path("attnbench", name).with_suffix("").parts) for name in (old, new)]
    (base, module), (new_base, new_module) = (name.rsplit(".", 1) for name in names)
    for path in package.rglob("*.py"):
        text = path.read_text().replace(f"from {names[0]} import", f"from {names[1]} import")
        text = text.replace(f"from {base} import {module}\n", f"from {new_base} import {new_module}\n")
        path.write_text(text.replace(f"{module}.", f"{new_module}.") if f"import {new_module}\n" in text else text)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("networks/building.py", "networks/construction.py"),
        ("networks/building.py", "other/building.py"),
        ("networks/slots.py", "networks/sites.py"),
        ("networks/slots.py", "train/sites.py"),
        ("networks/gates.py", "networks/inner/gates.py"),
    ],
)
def test_moving_and_renaming_a_file_changes_nothing(package: Path, old: str, new: str) -> None:
    before = closure(package, "train/trial.py")
    move(package, old, new)
    after = closure(package, "train/trial.py")
    assert package / new in after.files
    assert before.sha256() == after.sha256()


def test_a_file_without_a_statement_counts_for_nothing(package: Path) -> None:
    before = closure(package, "networks/attention/se.py").sha256()
    (package / "networks/attention/__init__.py").unlink()
    assert closure(package, "networks/attention/se.py").sha256() == before
    write(package / "networks/attention/__init__.py", "X = 1\n")
    assert closure(package, "networks/attention/se.py").sha256() != before


def test_the_order_of_imports_and_the_way_to_write_them_change_nothing(package: Path) -> None:
    path = package / "train/trial.py"
    before = closure(package, "train/trial.py").sha256()
    for text in (
        "from attnbench import records\nfrom attnbench.train.step import step\nimport torch\n",
        "import torch\nimport attnbench.records as records\nfrom .step import step\n",
    ):
        path.write_text(text + "def run(): return step()\n")
        assert closure(package, "train/trial.py").sha256() == before


TWINS = {
    "a.py": "from attnbench.left import f\n",
    "b.py": "from attnbench.right import f\n",
    "left.py": "def f(): return 1\n",
    "right.py": "def f(): return 2\n",
    "main.py": "from attnbench import a, b\nfrom attnbench.a import f\nprint(f(), a, b)\n",
}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from attnbench.a import f", "from attnbench.b import f"),
        ("print(f(), a, b)", "print(f(), b, a)"),
        ("import a, b", "import b as a, a as b"),
    ],
)
def test_pointing_an_import_elsewhere_changes_the_hash(package: Path, old: str, new: str) -> None:
    """All files stay reached, and `a` differs from `b` only by what it imports."""
    for name, text in TWINS.items():
        write(package / name, text)
    before = closure(package, "main.py").sha256()
    edit(package / "main.py", old, new)
    assert closure(package, "main.py").sha256() != before


def test_a_file_of_equal_content_whose_import_leads_elsewhere_is_another(package: Path) -> None:
    """A process remembers what it computed from the content of a file, and where its imports lead is no part of it."""
    main = package / "main.py"
    write(main, "from attnbench.report import TITLE\n")
    before = closure(package, "main.py").files[main]
    assert before.targets == (package / "report.py",)
    (package / "report.py").unlink()
    write(package / "report/TITLE.py", "x = 1\n")
    after = closure(package, "main.py").files[main]
    assert after.targets == (package / "report/TITLE.py",)
    assert after.body != before.body


def test_taking_another_name_from_a_file_changes_the_hash(package: Path) -> None:
    write(package / "main.py", "from attnbench.report import TITLE as X\n")
    before = closure(package, "main.py").sha256()
    edit(package / "main.py", "TITLE", "OTHER")
    assert closure(package, "main.py").sha256() != before


def test_a_parameter_is_not_taken_for_the_module_of_its_name(package: Path) -> None:
    """With slots.py, `build` calls its parameter; after renaming the file to sites.py, it calls the module."""
    hashes = set()
    for module in ("slots", "sites"):
        (package / "networks/slots.py").replace(package / f"networks/{module}.py")
        text = f"from attnbench.networks import {module}\ndef build(slots): return {module}.place()\n"
        (package / "networks/building.py").write_text(text)
        hashes.add(closure(package, "networks/building.py").sha256())
    assert len(hashes) == 2


def test_imports_in_a_circle_are_hashed(package: Path) -> None:
    write(package / "a.py", "from attnbench.b import g\ndef f(): return g\n")
    write(package / "b.py", "def g():\n    from attnbench.a import f\n    return f, 1\n")
    before = closure(package, "a.py").sha256()
    edit(package / "b.py", "1", "2")
    assert closure(package, "a.py").sha256() != before


def test_the_hash_is_the_same_in_every_python(package: Path) -> None:
    write(package / "report.py", "def f(a, *, b=None, **k) -> int:\n    return {**k, 'a': f'{a!r:>{b}}x'}\n")
    body = closure(package, "report.py").files[package / "report.py"].body
    assert body == "d6e289385a2ec84b29b9bdadc51426121cf1f6ffa36aec5a109c0f908a3ba195"


def missing_import(package: Path) -> None:
    write(package / "report.py", "X = 1\nimport attnbench.tabels\n")


def missing_root(package: Path) -> None:
    (package / "report.py").unlink()


def invalid(package: Path) -> None:
    write(package / "report.py", "X = 1\ndef (:\n")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (missing_import, r"report\.py:2: imports attnbench\.tabels, which does not exist in .*attnbench"),
        (missing_root, r"report\.py is missing, and a stage of this study runs it"),
        (invalid, r"report\.py:2: not valid Python: "),
    ],
)
def test_what_cannot_be_read_is_named(package: Path, spoil: Callable[[Path], None], message: str) -> None:
    spoil(package)
    with pytest.raises(UserError, match=message):
        closure(package, "report.py")
