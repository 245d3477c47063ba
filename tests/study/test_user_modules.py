"""Errors in a user-defined module, in the order in which they are detected."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import params
import pytest

from attnbench import study
from attnbench.errors import UserError
from attnbench.networks import attention_modules, build
from attnbench.networks.slots import Network
from attnbench.study import packages
from attnbench.study.schema import Variant

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another

GOOD = """\
from torch import Tensor
from attnbench.networks import Gate

PAPER = "Somebody: Something. 2026. arXiv:2601.00001"

class Mine(Gate):
    def __init__(self, channels: int, *, width: int = 3) -> None:
        super().__init__()

    def gate(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True).sigmoid()
"""
INIT = "channels: int, *, width: int = 3"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Return a function that writes a module file with one text replaced, and returns its dotted name."""
    top = "own_" + re.sub(r"\W", "_", request.node.name)[-60:]  # unique, since Python caches imported modules
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(old: str = "", new: str = "", name: str = "gates") -> str:
        assert old in GOOD
        path = tmp_path / top / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD.replace(old, new, 1) if old else GOOD)
        return f"{top}.{name}"

    return write


def test_a_user_defined_module_is_a_module_like_others(write: Write, module: Callable[..., str]) -> None:
    name = module()
    path = write("attention: se", f"attention: {name}\n    options: {{width: 5}}")
    folders = list(sys.path)
    assert study.load(path).variants["se"] == Variant(attention=name, options={"width": 5}, site="before_pool")
    assert name not in sys.modules  # read, not imported
    assert sys.path == folders


def test_an_option_may_be_null_where_its_type_says_so(write: Write, module: Callable[..., str]) -> None:
    name = module("width: int", "width: int | None")
    assert study.load(write("attention: se", f"attention: {name}\n    options: {{width: null}}"))
    text = refusal(write("attention: se", f"attention: {name}\n    options: {{width: none}}"))
    assert text.endswith("width: given 'none'; must be a whole number; default: 3")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("class Mine", "class _Mine", r"gates\.py is not a valid module file: .* must have one public class"),
        ("PAPER", "SOURCE", r"gates\.py is not a valid module file: .* has no literal constant PAPER"),
        ('"Somebody:', '"FILL IN authors:', r"PAPER in \S*gates\.py still says 'FILL IN'; write the reference of the"),
        ('"Somebody: S', 'str() + "S', r"gates\.py is not a valid module file: malformed node"),
        ("from torch", "from torch import (", r"gates\.py:\d+: not valid Python: "),
        (INIT, "channels: int, width: int = 3", r"must take \(self, channels\) and keyword-only"),
        (INIT, "channels: int, **options", r"got `__init__\(self, channels: int, \*\*options\)`$"),
        (INIT, "channels: int, *, width=3", r"'width' needs a type"),
        (INIT, "channels: int, *, width: int", r"'width' needs a default"),
        (INIT, "channels: int, *, width: Tensor = 3", r"type `Tensor`; allowed: "),
    ],
)
def test_an_invalid_module_file_is_refused_with_the_study(
    write: Write, module: Callable[..., str], old: str, new: str, message: str
) -> None:
    text = refusal(write("attention: se", f"attention: {module(old, new)}"))
    assert re.search(r"^\S*params\.yaml:12:5: variants\.se\.attention: ", text)
    assert re.search(message, text), text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("{top}.gate", r"the package '\w+' has no file \S*gate\.py \(did you mean 'gates'\?\)$"),
        ("{top}.", r"'\w+\.' is not of the form `package\.module`, such as `mine\.gates`"),
        (".gates", r"'\.gates' is not of the form `package\.module`"),
        ("__main__.gates", r"Python finds no package '__main__'; put its folder at src/__main__, or install it"),
        ("os.path", r"Python finds no package 'os'"),
        ("cbam.py", r"given 'cbam\.py'; write the name without `\.py`: 'cbam'"),
        ("CBAM", r"no attention module 'CBAM'; .* \(did you mean 'cbam'\?\), or `package\.module`"),
    ],
)
def test_a_name_without_a_file(write: Write, module: Callable[..., str], name: str, message: str) -> None:
    top = module().partition(".")[0]
    text = refusal(write("attention: se", f"attention: {name.format(top=top)}"))
    assert re.search(message, text), text


def test_a_misspelt_package_in_src_is_suggested(write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("mine/gates.py", "notes/readme.txt"):
        (tmp_path / "src" / name).parent.mkdir(parents=True)
        (tmp_path / "src" / name).touch()
    monkeypatch.setattr(packages, "_SOURCE", tmp_path / "src")
    text = refusal(write("attention: se", "attention: mien.gates"))
    assert "params.yaml:12:5: variants.se.attention: given 'mien.gates': Python finds no package 'mien' (did" in text
    assert "(did you mean 'mine'?); put its folder at src/mien, or install it into" in text
    assert "did you mean" not in refusal(write("attention: se", "attention: note.gates"))  # a folder without modules


def test_user_packages_are_those_of_the_folder_that_holds_this_package() -> None:
    assert Path(packages.__file__) == packages._SOURCE / "attnbench" / "study" / "packages.py"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("options: {widht: 3}", r"options\.widht: \S+ has no such option \(\S*gates\.py\); allowed: 'width' .*'width'"),
        ("options: {width: 3.0}", r"options\.width: given 3\.0; must be a whole number; default: 3"),
        ("width: 3", r"variants\.se\.width: unknown key; \S+ has an option 'width': write `options: \{width: 3\}`"),
    ],
)
def test_its_options_are_checked(write: Write, module: Callable[..., str], line: str, message: str) -> None:
    text = refusal(write("attention: se", f"attention: {module()}\n    {line}"))
    assert re.search(message, text), text


class Summary:
    """All that a network has to know of its images."""

    classes = ("a", "b")
    image_shape = (3, 32, 32)


def network(name: str) -> Network:
    """Build the network whose slots hold a user-defined module."""
    variants = {"baseline": {"attention": "none"}, "mine": {"attention": name, "site": "before_pool"}}
    return build(params.study(variants=variants), "mine", Summary, seed=0)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "from torch",
            "from nowhere_at_all import x\nfrom torch",
            r"gates\.py:1: cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'$",
        ),
        (
            "super().__init__()",
            "raise KeyError(width)",
            r"gates\.py:8: \S+gates for slot .* cannot be built: KeyError: 3$",
        ),
        ("(2, 3), keepdim=True", "(2, 3)", r"gates\.py: in slot block1\.before_pool Mine fails on maps \(2, 32, "),
    ],
)
def test_a_module_that_fails_is_refused_before_training(
    module: Callable[..., str], old: str, new: str, message: str
) -> None:
    name = module(old, new)
    with pytest.raises(UserError) as caught:
        network(name)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_a_user_defined_module_fills_the_slots(module: Callable[..., str]) -> None:
    assert {type(filled).__name__ for filled in attention_modules(network(module())).values()} == {"Mine"}
