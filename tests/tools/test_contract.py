"""Each check of `attnbench test` fails for a module that breaks it, and says what it found."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attnbench import cli
from attnbench.errors import UserError
from attnbench.tools.contract import checks, declarations, numerics, suite, training
from attnbench.tools.contract.configurations import Configuration

SOUND = '''\
"""Soft: a gate for each channel from its mean.

    y = sigmoid(w * mean of x + b) * x                     (n, C, h, w),  w, b: (C, 1, 1)

Source: equation 1.
Parameters: 2C.
Differs from: none known.
"""

import torch
from torch import nn

from attnbench.networks import Attention, Gate, OddInt, PositiveInt, Size

PAPER = "Somebody: Soft. 2026. arXiv:2601.00001"


class Soft(Gate):
    """The gate of the header."""

    def __init__(self, channels: int, *, start: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((channels, 1, 1), start))
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def gate(self, x):
        logits = self.weight * x.mean((2, 3), keepdim=True) + self.bias
        return logits.sigmoid().to(x.dtype)
'''
END = "        return logits.sigmoid().to(x.dtype)\n"
FORWARD = f"{END}\n    def forward(self, x):\n        "
MAPS = f"{END}\n    def maps(self, x):\n        "
MEAN = "x.mean((2, 3), keepdim=True)"
START = "*, start: float = 1.0"
ONE = "torch.full((channels, 1, 1), start)"
UNUSED = {f"{ONE})\n": f"{ONE})\n        self.unused = nn.Parameter(torch.zeros(2))\n"}
EMPTY = {f"{ONE})\n": f"{ONE})\n        self.unused = nn.Parameter(torch.zeros(channels // 16))\n"}
SIZED = {START: f"*, size: Size, {START[3:]}", ONE: f"{ONE} + torch.zeros(1, 1, size[0]).sum()"}
# the check, what is replaced by what, and what the check says
BROKEN: list[tuple[Callable[[Any], None], dict[str, str], str]] = [
    (declarations.is_filled_in, {"equation 1": "FILL IN"}, r"still says 'FILL IN' in line 5; write"),
    (
        declarations.has_a_header,
        {"Differs from": "Other"},
        r"lacks a line `Differs from: \.\.\.`; `attnbench modules se`",
    ),
    (
        declarations.has_a_header,
        {"its mean.": "its mean"},
        r"the first line of its docstring is .*; write one sentence",
    ),
    (
        declarations.names_its_paper,
        {"2026. ": ""},
        r"PAPER has no year: 'Somebody: Soft\. arXiv:.*; write `authors: title",
    ),
    (declarations.names_its_paper, {" arXiv:2601.00001": ""}, r"PAPER has no arXiv number, doi or address: 'Somebody"),
    (
        declarations.declares_its_options,
        {"float = 1.0": "float = '1'"},
        r"the default '1' of `start` is not of its type",
    ),
    (
        declarations.takes_its_size_from_the_slot,
        {START: "*, size: Size = (6, 5)"},
        r"`size` must be `size: Size` without",
    ),
    (declarations.refuses_other_options, {START: f"{START}, kernel_size: OddInt = 3"}, r"takes `kernel_size: 4`; call"),
    (checks.is_probed, {END: "        return x.mul_(0.5)\n"}, r"of 64 channels Soft changed its input in place; write"),
    (checks.keeps_shape_type_and_input, {END: f"{FORWARD}return x[:1]\n"}, r"returns \(1, 64, 6, 5\) for maps \(4, 64"),
    (
        checks.keeps_shape_type_and_input,
        {END: f"{FORWARD}x.data.mul_(2)\n        return x * self.gate(x)\n"},
        r"changes its input in training; write",
    ),
    (
        checks.takes_any_size,
        {MEAN: "(x / x.amax((2, 3), keepdim=True)).mean((2, 3), keepdim=True)"},
        r"its output has NaN or infinity for maps \(2, 16, 1, 1",
    ),
    (
        checks.takes_few_channels,
        EMPTY,
        r"with 1 channels `unused` is empty, \(0,\): if its width is .*, write `max\(1, ",
    ),
    (
        checks.treats_images_alone,
        {MEAN: "x.mean((0, 2, 3), keepdim=True)"},
        r"something else in a batch than alone: by",
    ),
    (checks.lets_gradients_through, UNUSED, r"no gradient reaches `unused`; use it in `forward`, or remove it"),
    (checks.depends_on_features, {MEAN: "0"}, r"its gate does not depend on the features; as a null control take"),
    (
        checks.takes_another_size_or_names_its_own,
        {**SIZED, "(channels, 1, 1)": "(channels, 1, size[1])"},
        r"gets 7 x 4; raise a ValueError that names",
    ),
    (checks.can_be_counted, {"logits.sigmoid()": "logits.digamma()"}, r"no counting rule for aten::digamma in"),
    (
        checks.survives_a_file,
        {f"{ONE})\n": f"{ONE})\n        self.start = torch.rand(()).item()\n", "+ self.bias": "+ self.start"},
        r"computes something else after its state was read",
    ),
    (
        checks.follows_the_seed,
        {ONE: "torch.rand(channels, 1, 1, generator=torch.Generator())"},
        r"`weight` starts with val",
    ),
    (
        checks.shows_maps_in_range,
        {"logits.sigmoid()": "(1 + logits.tanh())"},
        r"`channel` of its maps reaches from 0\.989 to 2; keep",
    ),
    (checks.maps_change_nothing, {END: f"{MAPS}return {{'channel': torch.rand(4, 64, 1, 1)}}\n"}, r"the second time$"),
    (
        checks.applies_its_modulation,
        {END: f"{FORWARD}return x * self.gate(x) + 0.1\n"},
        r"is not modulate\(x, modulation",
    ),
    (
        checks.shows_its_factor,
        {END: f"{FORWARD}return x * self.gate(x) + 0.1\n"},
        r"is not x \* factor.*: by up to 1\.0e-01",
    ),
    (
        checks.shows_its_gate,
        {END: f"{MAPS}return {{'channel': self.gate(x) / 2}}\n"},
        r"`channel` of its maps is not its gate",
    ),
    (
        checks.shows_both_gates,
        {END: f"{MAPS}return {{'channel': self.gate(x)}}\n"},
        r"shows \['channel'\]; the product of two",
    ),
    (
        checks.shows_a_distribution,
        {END: f"{MAPS}return {{'spatial': x.mean(1, True)}}\n"},
        r"of `spatial` of its maps is not 1",
    ),
    (checks.starts_as_the_identity, {END: f"{FORWARD}return x / 0\n"}, r"`start: identity` does not return its input"),
    (
        numerics.keeps_type_under_autocast,
        {".to(x.dtype)": ""},
        r"returns torch\.float32 for torch\.bfloat16 under autocast",
    ),
    (
        numerics.keeps_another_type,
        {".to(x.dtype)": ".float()"},
        r"returns torch\.float32 after `module\.to\(torch\.bfloat16",
    ),
    (
        numerics.keeps_memory_layout,
        {END: f"{FORWARD}return (x * self.gate(x)).contiguous()\n"},
        r"another memory layout",
    ),
    (numerics.is_the_same_without_gradients, {"+ self.bias": "+ torch.is_grad_enabled()"}, r"other bits under `torch"),
    (numerics.repeats, {MEAN: "torch.rand_like(x)"}, r"gives other bits the second time"),
    (
        numerics.repeats_on_an_accelerator,
        {MEAN: "nn.functional.adaptive_max_pool2d(x, 1)"},
        r"adaptive_max_pool2d_backward",
    ),
    (numerics.repeats_on_an_accelerator, {"+ self.bias": "+ torch.tensor(0.5)"}, r"host's memory \(add.Tensor"),
    (training.trains, UNUSED, r"^`unused` got no gradient in two epochs"),
    (training.resumes, {"+ self.bias\n": "+ self.calls()\n"}, r"ends in other bits than a training that was never"),
]
METHODS = """
    count = 0

    def calls(self):
        self.count += self.training
        return self.count / 100
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user's package that is new in every test."""
    folder = tmp_path / f"package_{re.sub(r'[^a-z0-9]', '_', tmp_path.name.lower())}"
    folder.mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def write(package: Path, changes: dict[str, str]) -> str:
    """Write the module with changes, and return its name."""
    text = SOUND + METHODS
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    (package / "soft.py").write_text(text)
    return f"{package.name}.soft"


@pytest.mark.parametrize(("check", "changes", "message"), BROKEN, ids=lambda value: getattr(value, "__name__", ""))
def test_a_check_fails_and_says_why(
    check: Callable[[Any], None], changes: dict[str, str], message: str, package: Path
) -> None:
    name = write(package, changes)
    with pytest.raises(UserError, match=message):
        check(Configuration(name) if check.__module__ in (checks.__name__, numerics.__name__) else name)


def test_the_answer_has_a_line_for_each_check(package: Path) -> None:
    lines: list[str] = []
    name = write(package, {**EMPTY, "2026. ": ""})
    assert not suite.check_module(name, lines.append)
    text = "\n".join(lines)
    assert re.match(r"\S+/soft\.py: defaults; start: 0.5\n\nok      Is filled in", text)
    assert "\nFAILED  Names its paper in full: " in text
    assert re.search(r"^        PAPER has no year: 'Somebody: Soft\. arXiv:2601\.00001'; write", text, re.MULTILINE)
    assert "\nFAILED  Takes 1, 2 and 3 channels" in text
    assert re.search(r"^        defaults \(and start: 0.5\): with 1 channels `unused` is empty", text, re.MULTILINE)
    assert re.search(r"^\| 64 x 16 x 16 \| +132 \| +0 \| +16,384 \|", text, re.MULTILINE)
    assert re.fullmatch(rf"{name} FAILED 5 of \d+ checks", lines[-1])


def test_a_module_that_cannot_be_built_is_not_run(package: Path) -> None:
    lines: list[str] = []
    name = write(package, {ONE: "torch.ones(channels, 1, 1) * (1 // (channels // 128))"})
    assert not suite.check_module(name, lines.append)
    assert re.search(r"soft\.py:\d+: raises: ZeroDivisionError: ", lines[-3])
    assert lines[-1].endswith("FAILED 1 of 7 checks")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sse", r"^no module 'sse' \(did you mean 'se'\?\); allowed: 'bam'.*, or `package\.module`$"),
        ("none", r"^no module 'none'"),
        ("nobody.soft", r"Python finds no package 'nobody'"),
    ],
)
def test_an_unknown_name_is_refused(name: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        suite.check_module(name, print)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arXiv:": "FILL IN", "equation 1": "FILL IN"}, r"soft\.py still says 'FILL IN' in line 5, 15; write"),
        ({"class Soft": "clas Soft"}, r"soft\.py:18: not valid Python: invalid syntax"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(package: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        suite.check_module(write(package, changes), print)


@pytest.mark.parametrize(("passes", "status"), [(True, "0"), (False, "1")])
def test_the_exit_status_of_the_command_says_whether_all_pass(
    passes: bool, status: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def check_module(name: str, write: Callable[[str], object]) -> bool:
        write(f"checked {name}")
        return passes

    monkeypatch.setattr(suite, "check_module", check_module)
    monkeypatch.setattr("sys.argv", ["attnbench", "test", "se"])
    with pytest.raises(SystemExit, match=status):
        cli.main()
    assert capsys.readouterr().out == "checked se\n"
