"""Reading a family file without importing it, and what is said when it is not one."""

from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from attnbench.study import module_files
from attnbench.study import options as option_types


def family(folder: Path, text: str, name: str = "thing") -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def test_names_are_the_files_of_the_folder(tmp_path: Path) -> None:
    for name in ("zeta", "alpha", "_hidden", "__init__"):
        family(tmp_path, "", name)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder").mkdir()
    assert module_files.names(tmp_path) == ["alpha", "zeta"]


def test_options_come_in_the_order_of_build_with_type_and_default(tmp_path: Path) -> None:
    text = (
        "import nowhere_to_be_found\n"
        "def helper(x, *, other: int = 3): ...\n"
        "def build(channels: int, *, a: PositiveInt = 16, b: bool = True, c: Rounding = 'floor', d: float = -0.5,\n"
        "          e: OddInt | None = None, f: Literal['x', 'y'] = 'x', g: Literal[3] = 3, h: str = 's'): ...\n"
    )
    found = module_files.options(family(tmp_path, text))
    assert list(found) == list("abcdefgh")
    assert {name: option.default for name, option in found.items()} == {
        "a": 16,
        "b": True,
        "c": "floor",
        "d": -0.5,
        "e": None,
        "f": "x",
        "g": 3,
        "h": "s",
    }
    assert all(name == option.name for name, option in found.items())
    assert found["f"].type == Literal["x", "y"]
    assert found["g"].type == Literal[3]
    assert found["c"].type == Literal["floor", "div8"]


@pytest.mark.parametrize(
    ("annotation", "good", "bad"),
    [
        ("PositiveInt", [1, 16], [0, -1, 1.0, "1", True]),
        ("OddInt", [1, 7], [0, 2, -1, 3.0]),
        ("OddInt | None", [3, None], [4, "none"]),
        ("Share", [0.0, 0.5, 0.999], [1.0, -0.1, "0.5"]),
        ("Rounding", ["floor", "div8"], ["round", 8]),
        ("Literal['max', 'mean']", ["max"], ["min"]),
        ("bool", [True, False], [0, 1, "yes"]),
        ("int", [-3, 0], [0.5, "1", True]),
        ("float", [0.5, -1.0], ["0.5"]),
        ("str", ["x"], [1]),
    ],
)
def test_types_take_what_they_say(tmp_path: Path, annotation: str, good: list[Any], bad: list[Any]) -> None:
    path = family(tmp_path, f"def build(channels, *, option: {annotation} = {good[0]!r}): ...\n")
    adapter: TypeAdapter[Any] = TypeAdapter(module_files.options(path)["option"].type)
    for value in good:
        assert adapter.validate_python(value, strict=True) == value
    for value in bad:
        with pytest.raises(ValidationError):
            adapter.validate_python(value, strict=True)


def test_an_even_window_is_refused_with_an_odd_one_named() -> None:
    assert option_types.odd(7) == 7
    with pytest.raises(ValueError, match=r"^4 is even; allowed: odd numbers, such as 5$"):
        option_types.odd(4)


def test_a_file_without_build(tmp_path: Path) -> None:
    path = family(tmp_path, "def make(channels): ...\n")
    with pytest.raises(TypeError, match=r"thing\.py has no function `build`; see an existing family beside it$"):
        module_files.options(path)


def test_an_option_without_a_type(tmp_path: Path) -> None:
    path = family(tmp_path, "def build(channels, *, width=3): ...\n")
    with pytest.raises(
        TypeError, match=r"thing\.py: option 'width' of build\(\) needs a type, such as `int` or `bool`$"
    ):
        module_files.options(path)


def test_an_option_without_a_default(tmp_path: Path) -> None:
    path = family(tmp_path, "def build(channels, *, width: int): ...\n")
    with pytest.raises(
        TypeError, match=r"thing\.py: option 'width' of build\(\) needs a default, that of the authors' code$"
    ):
        module_files.options(path)


@pytest.mark.parametrize("annotation", ["Tensor", "list[int]", "int | Tensor", "nn.Module"])
def test_an_option_of_a_type_that_no_params_file_can_hold(tmp_path: Path, annotation: str) -> None:
    path = family(tmp_path, f"def build(channels, *, width: {annotation} = 3): ...\n")
    with pytest.raises(
        TypeError, match=r"thing\.py: an option of build\(\) has the type `.*`; allowed: .*bool, .*float, int, "
    ):
        module_files.options(path)


def test_constants_are_literals_with_or_without_a_type(tmp_path: Path) -> None:
    path = family(tmp_path, "PAPER = ('one ' 'two')\nSITES: tuple[str, ...] = ('a', 'b')\nif True:\n    INNER = 1\n")
    assert module_files.constant(path, "PAPER") == "one two"
    assert module_files.constant(path, "SITES") == ("a", "b")
    for missing in ("STAGES", "INNER"):
        with pytest.raises(TypeError, match=rf"thing\.py has no literal constant {missing}; see an existing family"):
            module_files.constant(path, missing)


def test_a_module_that_lacks_a_part() -> None:
    module = ModuleType("thing")
    module.__file__ = "attention/thing.py"
    module.PAPER = "x"  # type: ignore[attr-defined]
    assert module_files.check_module(module, "PAPER") is module
    with pytest.raises(TypeError, match=r"^attention/thing\.py has no `build`; a family file needs PAPER, build$"):
        module_files.check_module(module, "PAPER", "build")
