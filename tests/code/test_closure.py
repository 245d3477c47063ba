"""Which files a stage reaches, and which edits change their hash."""

from pathlib import Path

import pytest

from attnbench.code import fingerprint
from attnbench.errors import UserError

Tree = dict[str, str]

PACKAGE: Tree = {
    "__init__.py": "",
    "attention/__init__.py": "from importlib import import_module\ndef load(name): return import_module(name)\n",
    "attention/_gate.py": "GATE = 1\n",
    "attention/se.py": '"""Header."""\nfrom attnbench.networks.attention._gate import GATE\nR = 16\n',
    "attention/cbam.py": "from attnbench.networks.attention import _gate\n",
    "training/__init__.py": "from attnbench.train.trial import train\n",
    "training/run.py": "from .step import step\nfrom attnbench import attention, records\ndef train(): return step()\n",
    "training/step.py": "def step():\n    import attnbench.networks.build\n    return 1\n",
    "placement.py": "from typing import TYPE_CHECKING\n"
    "if TYPE_CHECKING:\n    import attnbench.report\nelse:\n    X = 1\n",
    "report.py": "TITLE = 'x'\n",
    "records/__init__.py": "from attnbench.report import TITLE\n",
}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    for name, text in PACKAGE.items():
        path = tmp_path / "src" / "attnbench" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "src" / "attnbench"


def reached(package: Path, *roots: str) -> set[str]:
    found = fingerprint.of_files([package / root for root in roots], package)
    return {name.removeprefix("src/attnbench/") for name in found}


def test_the_closure_follows_relative_nested_and_submodule_imports(package: Path) -> None:
    expected = {"__init__.py", "training/__init__.py", "training/run.py", "training/step.py"}
    expected |= {"placement.py", "attention/__init__.py"}
    assert reached(package, "training/run.py") == expected


def test_a_family_brings_its_helpers_and_no_other_family(package: Path) -> None:
    expected = {"__init__.py", "attention/__init__.py", "attention/_gate.py", "attention/cbam.py"}
    assert reached(package, "attention/cbam.py") == expected


def test_a_script_outside_the_package_is_a_root(package: Path) -> None:
    script = package.parents[1] / "stages" / "train.py"
    script.parent.mkdir()
    script.write_text("from attnbench.networks.attention import _gate\n")
    assert {"stages/train.py", "src/attnbench/networks/attention/_gate.py"} < set(
        fingerprint.of_files([script], package)
    )


def test_a_file_can_be_left_out(package: Path) -> None:
    found = fingerprint.of_files([package / "training/run.py"], package, [package / "training/step.py"])
    assert {"src/attnbench/train/step.py", "src/attnbench/networks/build.py"}.isdisjoint(found)


def test_what_carries_values_in_and_results_out_is_left_out(package: Path) -> None:
    found = reached(package, "training/run.py")
    assert "records/__init__.py" not in found
    assert "report.py" not in found  # reached through records alone


def test_what_looks_at_modules_without_changing_them_is_left_out(package: Path) -> None:
    for name in ("_probe", "_probed"):
        (package / "attention" / f"{name}.py").write_text("N = 1\n")
    (package / "placement.py").write_text("from attnbench.networks.attention import _probe, _probed\n")
    found = reached(package, "placement.py")
    assert "attention/_probe.py" not in found
    assert "attention/_probed.py" in found


def test_only_imports_for_the_type_checker_are_skipped(package: Path) -> None:
    (package / "placement.py").write_text(PACKAGE["placement.py"].replace("X = 1", "import attnbench.report"))
    assert "report.py" in reached(package, "training/run.py")


@pytest.mark.parametrize(
    "text",
    [
        '"""Another header."""\nfrom attnbench.networks.attention._gate import GATE\nR = 16\n',
        "from attnbench.networks.attention._gate import GATE\n# why\n\n\nR = (16)  # paper\n",
        "from attnbench.networks.attention._gate import (\n    GATE,\n)\nR = 0x10\n",
    ],
    ids=["docstring", "comment", "format"],
)
def test_words_and_layout_change_nothing(package: Path, text: str) -> None:
    before = fingerprint.of_files([package / "attention/se.py"], package)
    (package / "attention/se.py").write_text(text)
    assert fingerprint.of_files([package / "attention/se.py"], package) == before


@pytest.mark.parametrize("value", ["17", "16.0", "True", "'16'", "b'16'", "-16", "None"])
def test_a_real_edit_changes_the_hash_of_its_file_alone(package: Path, value: str) -> None:
    before = fingerprint.of_files([package / "attention/se.py"], package)
    (package / "attention/se.py").write_text(PACKAGE["attention/se.py"].replace("16", value))
    after = fingerprint.of_files([package / "attention/se.py"], package)
    assert {name for name in before if before[name] != after[name]} == {"src/attnbench/networks/attention/se.py"}


def test_docstrings_of_functions_and_classes_do_not_count(package: Path) -> None:
    bare = "class A:\n    def f(self):\n        return 1\n"
    said = 'class A:\n    """A."""\n    def f(self):\n        """F."""\n        return 1\n'
    hashes = []
    for text in (bare, said):
        (package / "report.py").write_text(text)
        hashes.append(fingerprint.of_files([package / "report.py"], package)["src/attnbench/report.py"])
    assert hashes[0] == hashes[1]


def test_the_hash_is_one_that_every_python_gives(package: Path) -> None:
    (package / "report.py").write_text("def f(a, *, b=None, **k) -> int:\n    return {**k, 'a': f'{a!r:>{b}}x'}\n")
    found = fingerprint.of_files([package / "report.py"], package)["src/attnbench/report.py"]
    assert found == "164f72ae1a76f649c47b672099dbc0b9db13412b66bbccdaa43884cbd92cc541"


def test_a_missing_import_is_named_with_its_line(package: Path) -> None:
    (package / "report.py").write_text("X = 1\nimport attnbench.tabels\n")
    with pytest.raises(
        UserError, match=r"report\.py:2: imports attnbench\.tabels, which does not exist in .*attnbench"
    ):
        fingerprint.of_files([package / "report.py"], package)


def test_a_missing_root_is_named(package: Path) -> None:
    with pytest.raises(UserError, match=r"attention/sse\.py is missing, and a stage of this study runs it"):
        fingerprint.of_files([package / "attention/sse.py"], package)


def test_invalid_python_is_named_with_its_line(package: Path) -> None:
    (package / "report.py").write_text("X = 1\ndef (:\n")
    with pytest.raises(UserError, match=r"report\.py:2: not valid Python: "):
        fingerprint.of_files([package / "report.py"], package)
