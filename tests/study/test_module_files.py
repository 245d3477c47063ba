"""Reading a module file without importing it, and the sentence that refuses a file of another form."""

from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from attnbench.study import backbones, module_files
from attnbench.study import options as option_types


def write(folder: Path, text: str, name: str = "thing") -> Path:
    path = folder / f"{name}.py"
    path.write_text(text, encoding="utf-8")
    return path


def module(folder: Path, parameters: str) -> Path:
    """A module file whose class has these parameters."""
    return write(folder, f"class Thing(Gate):\n    def __init__({parameters}) -> None: ...\n")


def test_names_are_the_files_of_the_folder(tmp_path: Path) -> None:
    for name in ("zeta", "alpha", "_hidden", "__init__"):
        write(tmp_path, "", name)
    (tmp_path / "notes.txt").touch()
    (tmp_path / "folder").mkdir()
    assert module_files.names(tmp_path) == ["alpha", "zeta"]


def test_options_are_in_the_order_of_init_with_type_and_default(tmp_path: Path) -> None:
    text = (
        "import nowhere_to_be_found\n"
        "def helper(x, *, other: int = 3): ...\n"
        "class _Part:\n    def __init__(self, width): ...\n"
        "class Thing(Gate):\n"
        "    def __init__(self, _: int, *, size: Size, a: PositiveInt = 16, b: bool = True, c: Rounding = 'floor',\n"
        "        d: float = -0.5, e: OddInt | None = None, f: Literal['x', 'y'] = 'x', g: Literal[3] = 3,\n"
        "        h: str = 's'): ...\n"
    )
    path = write(tmp_path, text)
    options = module_files.options(path)
    assert module_files.class_name(path) == "Thing"
    assert module_files.needs_size(path)
    assert {name: option.default for name, option in options.items()} == {
        "a": 16,
        "b": True,
        "c": "floor",
        "d": -0.5,
        "e": None,
        "f": "x",
        "g": 3,
        "h": "s",
    }
    assert list(options) == [option.name for option in options.values()] == list("abcdefgh")
    assert options["f"].type == Literal["x", "y"]
    assert options["g"].type == Literal[3]
    assert options["c"].type == Literal["floor", "div8"]


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
def test_types_accept_what_they_say(tmp_path: Path, annotation: str, good: list[Any], bad: list[Any]) -> None:
    path = module(tmp_path, f"self, channels, *, option: {annotation} = {good[0]!r}")
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


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("def build(channels): ...\n", "none"),
        ("class _Hidden: ...\n", "none"),
        ("class One: ...\nclass _Part: ...\nclass Two: ...\n", "'One', 'Two'"),
    ],
)
def test_a_file_without_one_public_class_is_refused(tmp_path: Path, text: str, classes: str) -> None:
    sentence = (
        rf"thing\.py must have one public class, the module, and has {classes}; start the names of other classes with "
        "an underscore$"
    )
    for read in (module_files.class_name, module_files.options):
        with pytest.raises(TypeError, match=sentence):
            read(write(tmp_path, text))


def test_a_class_without_init_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "class Thing(Gate):\n    def gate(self, x): ...\n")
    with pytest.raises(TypeError, match=r"Thing has no `__init__`; write one that takes the channels and the options$"):
        module_files.options(path)


@pytest.mark.parametrize(
    "parameters",
    [
        "self",
        "self, *, reduction: int = 16",
        "self, channels, reduction: int = 16",
        "self, channels, reduction",
        "self, channels, *args",
        "self, channels, **kwargs",
        "self, channels, *, width: int = 3, **kwargs",
        "self, channels=64",
    ],
)
def test_anything_but_the_channels_and_keyword_only_options_is_refused(tmp_path: Path, parameters: str) -> None:
    with pytest.raises(TypeError) as caught:
        module_files.options(module(tmp_path, parameters))
    written = parameters.replace(": int = ", ": int=")
    assert str(caught.value) == (
        f"{tmp_path}/thing.py: Thing must take (self, channels) and keyword-only options, as in `__init__(self, "
        f"channels, *, reduction: PositiveInt = 16)`; got `__init__({written})`"
    )


def test_a_backbone_takes_classes_and_the_shape_of_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backbones, "FOLDER", tmp_path)
    module(tmp_path, "self, classes, image_shape, *, width: int = 8")
    assert list(backbones.options("thing")) == ["width"]
    write(tmp_path, "class Net(Network):\n    def __init__(self, classes): ...\n", "other")
    with pytest.raises(TypeError, match=r"Net must take \(self, classes, image_shape\) and keyword-only options"):
        backbones.options("other")


@pytest.mark.parametrize(
    ("parameter", "sentence"),
    [
        ("width=3", "option 'width' needs a type, such as `int` or `bool`"),
        ("width: int", "option 'width' needs a default, that of the authors' code"),
        ("width: Tensor = 3", "option 'width' has the type `Tensor`; allowed: "),
        ("width: list[int] = 3", "option 'width' has the type `list[int]`; allowed: "),
        ("width: int | Tensor = 3", "option 'width' has the type `Tensor`; allowed: "),
        ("width: nn.Module = 3", "option 'width' has the type `nn.Module`; allowed: "),
    ],
)
def test_an_option_that_no_params_file_can_hold_is_refused(tmp_path: Path, parameter: str, sentence: str) -> None:
    with pytest.raises(TypeError) as caught:
        module_files.options(module(tmp_path, f"self, channels, *, {parameter}"))
    assert str(caught.value).startswith(f"{tmp_path}/thing.py: {sentence}")


def test_constants_are_literals_with_or_without_a_type(tmp_path: Path) -> None:
    path = write(tmp_path, "PAPER = ('one ' 'two')\nSITES: tuple[str, ...] = ('a', 'b')\nif True:\n    INNER = 1\n")
    assert module_files.constant(path, "PAPER") == "one two"
    assert module_files.constant(path, "SITES") == ("a", "b")
    for missing in ("STAGES", "INNER"):
        with pytest.raises(TypeError, match=rf"thing\.py has no literal constant {missing}; see another file"):
            module_files.constant(path, missing)
