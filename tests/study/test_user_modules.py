"""What can be wrong with a family file that somebody wrote, in the order in which it is found."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from attnbench import study
from attnbench.errors import UserError
from attnbench.networks import build as placement
from attnbench.study import packages
from attnbench.study.schema import Backbone, Variant

from .conftest import refusal

Write = Callable[..., Path]  # fixture: the valid file, with one text replaced by another

GOOD = """\
from torch import Tensor
from attnbench.attention._contract import Gate

PAPER = "Somebody: Something. 2026. arXiv:2601.00001"

class Mine(Gate):
    def gate(self, x: Tensor) -> Tensor:
        return x.mean((2, 3), keepdim=True).sigmoid()

    def maps(self, x: Tensor) -> dict[str, Tensor]:
        return {"channel": self.gate(x)}

def parameter_count(channels: int, *, width: int = 3) -> int:
    return 0

def build(channels: int, *, width: int = 3) -> Mine:
    return Mine()
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Return a function that writes a family file with one text replaced, and returns its dotted name."""
    top = "own_" + re.sub(r"\W", "_", request.node.name)[-60:]  # Python keeps what it has imported
    monkeypatch.syspath_prepend(str(tmp_path))

    def write(old: str = "", new: str = "", name: str = "gates") -> str:
        assert old in GOOD
        path = tmp_path / top / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(GOOD.replace(old, new, 1) if old else GOOD)
        return f"{top}.{name}"

    return write


def test_a_module_of_ones_own_is_a_module_like_others(write: Write, module: Callable[..., str]) -> None:
    name = module()
    path = write("attention: se", f"attention: {name}\n    options: {{width: 5}}")
    assert study.load(path).variants["se"] == Variant(attention=name, options={"width": 5}, site="before_pool")
    assert "torch" in sys.modules or name not in sys.modules  # read, not imported


def test_an_option_may_be_nothing_where_its_type_says_so(write: Write, module: Callable[..., str]) -> None:
    optional = "build(channels: int, *, width: int | None = 3)"
    name = module("build(channels: int, *, width: int = 3)", optional)
    assert study.load(write("attention: se", f"attention: {name}\n    options: {{width: null}}"))
    text = refusal(write("attention: se", f"attention: {name}\n    options: {{width: none}}"))
    assert text.endswith(f"width: given 'none'; must be a whole number; {name} takes 3 if not given")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("def build(", "def make(", r"gates\.py has no function `build`"),
        ("PAPER", "SOURCE", r"gates\.py has no `PAPER`; a family file needs 'PAPER', 'build', 'parameter_count'$"),
        ("def parameter_count(", "def count(", r"gates\.py has no `parameter_count`; a family file needs"),
        ('"Somebody:', '"FILL IN authors:', r"PAPER in \S*gates\.py still says 'FILL IN'; write the reference of the"),
        ('"Somebody: S', 'str() + "S', r"gates\.py: malformed node"),
        ("from torch", "from torch import (", r"gates\.py:\d+: not valid Python: "),
        ("build(channels: int, *, width: int = 3)", "build(channels: int, width: int = 3)", r"'width' is no option of"),
        ("build(channels: int, *, width: int = 3)", "build(channels: int, **options)", r"'options' is no option of"),
        ("build(channels: int, *, width: int = 3)", "build(channels: int, *, width=3)", r"'width' .* needs a type"),
        (
            "build(channels: int, *, width: int = 3)",
            "build(channels: int, *, width: int)",
            r"'width' .* needs a default",
        ),
        (
            "build(channels: int, *, width: int = 3)",
            "build(channels: int, *, width: Tensor = 3)",
            r"type `Tensor`; all",
        ),
    ],
)
def test_a_file_that_is_no_family_file_is_refused_with_the_study(
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
        ("{top}.", r"'\w+\.' is no `package\.module`; give names joined by dots, such as `mine\.gates`"),
        (".gates", r"'\.gates' is no `package\.module`"),
        ("__main__.gates", r"Python finds no package '__main__'; put its folder at src/__main__, or install it"),
        ("os.path", r"Python finds no package 'os'"),
        ("cbam.py", r"given 'cbam\.py'; write the name without `\.py`: 'cbam'"),
        ("CBAM", r"no attention module 'CBAM'; .* \(did you mean 'cbam'\?\), or `package\.module`"),
    ],
)
def test_a_name_that_leads_to_no_file(write: Write, module: Callable[..., str], name: str, message: str) -> None:
    top = module().partition(".")[0]
    text = refusal(write("attention: se", f"attention: {name.format(top=top)}"))
    assert re.search(message, text), text


def test_a_misspelt_package_beside_this_one_is_named(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("mine/gates.py", "notes/readme.txt"):
        (tmp_path / "src" / name).parent.mkdir(parents=True)
        (tmp_path / "src" / name).touch()
    monkeypatch.setattr(packages, "_SOURCE", tmp_path / "src")
    text = refusal(write("attention: se", "attention: mien.gates"))
    assert (
        "params.yaml:12:5: variants.se.attention: given 'mien.gates': Python finds no package 'mien' (did you" in text
    )
    assert "(did you mean 'mine'?); put its folder at src/mien, or install it into" in text
    assert "did you mean" not in refusal(write("attention: se", "attention: note.gates"))  # a folder without modules


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("options: {widht: 3}", r"options\.widht: \S+ has no such option \(\S*gates\.py\); allowed: 'width' .*'width'"),
        ("options: {width: 3.0}", r"options\.width: given 3\.0; must be a whole number; \S+ takes 3 if not given"),
        ("options: {size: 3}", r"options\.size: \S+ has no such option"),
        ("width: 3", r"variants\.se\.width: unknown key; \S+ has an option 'width': write `options: \{width: 3\}`"),
    ],
)
def test_its_options_are_checked(write: Write, module: Callable[..., str], given: str, message: str) -> None:
    text = refusal(write("attention: se", f"attention: {module()}\n    {given}"))
    assert re.search(message, text), text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "from torch",
            "from nowhere_at_all import x\nfrom torch",
            r"gates\.py:1: cannot be imported: ModuleNotFoundError: No module named 'nowhere_at_all'$",
        ),
        ("def parameter_count", "1 / 0\n\ndef parameter_count", r"gates\.py:13: cannot be imported: ZeroDivisionError"),
        (
            "return Mine()",
            "return Mine(channels)",
            r"gates\.py:17: build\(32, \.\.\.\) for slot block1\.before_pool fails: TypeError: ",
        ),
        ("return Mine()", "raise KeyError(width)", r"gates\.py:17: build\(32, \.\.\.\) .* fails: KeyError: 3$"),
        ("return Mine()", "return None", r"gates\.py: build\(\) returned a NoneType; must be an Attention or a Gate"),
        (
            "(2, 3), keepdim=True",
            "(2, 3)",
            r"gates\.py: in slot block1\.before_pool Mine fails on maps \(2, 32, .*RuntimeError",
        ),
        (
            "return x.mean((2, 3), keepdim=True)",
            "return (0 * x.log().mean((2, 3), keepdim=True))",
            r"Mine gives NaN or infinity with the weights",
        ),
        ("return x.mean((2, 3), keepdim=True)", "return x.mul_(2)", "Mine changed its input in place; write `x = x "),
        (".sigmoid()", ".sigmoid().double()", r"Mine made torch\.float64 of torch\.float32; must keep the type"),
        ("x.mean((2, 3), keepdim=True)", "x[None]", r"Mine made \(1, 2, .* of maps \(2, .*; must keep the shape"),
        ('{"channel": self.gate(x)}', '{"chanel": self.gate(x)}', r"Mine gave 'chanel': .* from `maps`"),
    ],
)
def test_a_module_that_breaks_its_contract_is_refused_before_it_is_trained(
    module: Callable[..., str], old: str, new: str, message: str
) -> None:
    variant = Variant(attention=module(old, new), site="before_pool")
    with pytest.raises(UserError) as caught:
        placement.build(Backbone(name="cnn"), variant, classes=10, image_shape=(3, 32, 32), seed=0)
    assert re.search(message, str(caught.value)), str(caught.value)


def test_a_module_of_ones_own_goes_into_the_slots(module: Callable[..., str]) -> None:
    variant = Variant(attention=module(), site="before_pool")
    network = placement.build(Backbone(name="cnn"), variant, classes=10, image_shape=(3, 32, 32), seed=0)
    assert {type(found).__name__ for found in placement.attention_modules(network).values()} == {"Mine"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            "site: between\n    stages: [3]",
            r"stages\[0\]: given 3; resnet_cifar has stages 1 to 2 with another behind them",
        ),
        ("site: between\n    blocks: [2]", r"blocks\[0\]: given 2; resnet_cifar has blocks 1 alone"),
        ("site: standard\n    blocks: [4]", r"blocks\[0\]: given 4; resnet_cifar has blocks 1 to 3"),
        ("site: before_pool", r"variants\.se\.site: no site of resnet_cifar 'before_pool'; allowed: 'standard', "),
        ("site: standrad", r"did you mean 'standard'"),
        (
            "site: standard\n    start: identiy",
            r"start: given 'identiy'; must be 'paper' or 'identity' \(did you mean 'id",
        ),
        (
            "site: standard\n    backbone: {depth: 21}",
            r"backbone\.depth: given 21; must be 20, 32, 44, 56, 110 or 164; ",
        ),
        (
            "site: standard\n    backbone: {dept: 20}",
            r"backbone\.dept: resnet_cifar has no .*\(did you mean 'depth'\?\)",
        ),
        (
            "site: standard\n    stages: first\n    stage: 1",
            r"variants\.se\.stage: unknown key; .*did you mean 'stages'",
        ),
    ],
)
def test_places_that_a_network_does_not_have(tmp_path: Path, valid: str, given: str, message: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(valid.replace("name: cnn", "name: resnet_cifar").replace("site: before_pool", given))
    text = refusal(path)
    assert re.search(message, text), text


def test_a_depth_that_does_not_exist_is_told_once(tmp_path: Path, valid: str) -> None:
    path = tmp_path / "params.yaml"
    deep = "  name: resnet_cifar\n  options: {depth: 21}\n"
    path.write_text(valid.replace("  name: cnn\n", deep).replace("site: before_pool", "site: standard"))
    assert re.search(r"params\.yaml:8:13: backbone\.options\.depth: given 21; must be 20, ", refusal(path))
