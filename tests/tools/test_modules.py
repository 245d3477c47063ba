"""The list of modules in a terminal, and docs/modules.md, which has to be what the command writes today."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from attnbench.errors import UserError
from attnbench.study import attention, module_files
from attnbench.study import options as option_types
from attnbench.tools import modules_page
from attnbench.tools.modules import allowed, details

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "modules.md").read_text(encoding="utf-8")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `attnbench modules` where importing torch is an error."""
    code = "import sys; sys.modules['torch'] = None; sys.argv[0] = 'attnbench'; from attnbench.cli import main; main()"
    arguments = (sys.executable, "-c", code, "modules", *arguments)
    return subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_page_is_current():
    assert modules_page.page() == PAGE, "docs/modules.md is out of date; run: attnbench modules --write docs/modules.md"


def test_counts_are_those_by_hand():
    rows = {line.split("|")[1].strip(): line.replace(" ", "") for line in PAGE.splitlines() if line.startswith("| ")}
    # SE by hand: 2 C d + d + C with d = max(1, C // 16)
    assert rows["se"] == "|se|49|162|580|2,184|8,464|33,312|132,160|526,464|"
    assert rows["triplet"] == "|triplet" + 8 * "|300" + "|"


def test_the_list_has_every_module_with_its_defaults():
    done = command()
    assert done.returncode == 0, done.stderr
    for name in attention.names():
        lines = [line for line in done.stdout.splitlines() if line.startswith(f"{name} ")]
        assert [line.split(maxsplit=1)[1] for line in lines] == [module_files.headline(attention.path(name))]
    assert "kernel_size: 3, gamma: 2.0, b: 1.0, shared: true" in done.stdout


def test_one_module_in_full():
    done = command("se")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("Squeeze-and-excitation: ")
    assert "  rounding    default floor    floor, div8\n" in done.stdout
    assert "arXiv:1709.01507" in done.stdout
    assert "built for one size of feature maps" in command("psanet").stdout


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("class Bad(:\n", r"bad\.py:1: not valid Python: "),
        ("class Bad:\n    def __init__(self, channels): ...\n", r"bad\.py is not a valid module file: .* PAPER"),
    ],
    ids=["syntax", "no paper"],
)
def test_a_module_file_that_cannot_be_read_is_refused(text, message, tmp_path, monkeypatch):
    package = tmp_path / "unreadable"
    package.mkdir()
    (package / "bad.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=message):
        details("unreadable.bad")


@pytest.mark.parametrize(
    ("kind", "description"),
    [
        (bool, "true, false"),
        (option_types.OddInt | None, "odd integer, at least 1, or null"),
        (option_types.PositiveInt, "integer, at least 1"),
        (option_types.PositiveFloat, "number above 0"),
        (option_types.Share, "number from 0 to below 1"),
        (option_types.OpenShare, "number above 0 and below 1"),
        (option_types.Factor, "number above 0, at most 1"),
        (Literal["avg", "max", None], "avg, max, null"),
        (option_types.Rounding, "floor, div8"),
        (float, "number"),
    ],
)
def test_the_allowed_values_of_an_option(kind, description):
    assert allowed(kind) == description


def test_a_type_without_a_description_is_an_error():
    with pytest.raises(TypeError, match="no description of"):
        allowed(Annotated[int, Field(ge=7)])


def test_a_header_becomes_markdown():
    header = "A gate.\n\n    y = s * x\n    s = 1\n\nBelow C_2 `a_b` * 2.\nSource: Hu.\nParameters: k.\n\n    k = 1"
    assert modules_page.header_markdown(header) == (
        "A gate.\n\n```text\ny = s * x\ns = 1\n```\n\nBelow C\\_2 `a_b` \\* 2.\n\n**Source:** Hu.\n\n**Parameters:** k."
        "\n\n```text\nk = 1\n```"
    )
