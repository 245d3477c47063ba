"""What README.md shows is run here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench.tools.contract.suite import check_module

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """Return the one fenced block of that language that contains a text."""
    blocks = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text]
    assert len(blocks) == 1
    return blocks[0]


@pytest.fixture(scope="module")
def extended(tmp_path_factory) -> Path:
    """A copy of the sources with the module that README adds."""
    root = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "src", root / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (root / "src/attnbench/networks/attention/channel_scale.py").write_text(block("python", "class ChannelScale"))
    params = (ROOT / "params.yaml").read_text()
    line = block("yaml", "channel_scale:")
    assert "\ncontrols:" in params
    (root / "params.yaml").write_text(params.replace("\ncontrols:", f"\n{line}controls:", 1))
    return root


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder / "src")}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_the_added_module_passes_the_contract_of_all_modules(tmp_path, monkeypatch):
    (tmp_path / "added").mkdir()
    (tmp_path / "added" / "channel_scale.py").write_text(block("python", "class ChannelScale"))
    monkeypatch.syspath_prepend(tmp_path)
    lines = []
    assert check_module("added.channel_scale", lines.append), "\n".join(lines)


def test_the_added_line_makes_it_a_variant(extended):
    done = run(
        extended,
        "-c",
        "from pathlib import Path; from attnbench import study\n"
        "print(study.load(Path('params.yaml')).variants['channel_scale'])",
    )
    assert done.stdout.startswith("attention='channel_scale'"), done.stderr


def test_the_table_shown_is_the_reports() -> None:
    """Its columns are some of those of one table of the report that is linked above it, its rows some of the rows."""
    shown = README.split("<!-- result:", 1)[1].split("<!-- result: end", 1)[0]
    report, *_ = re.findall(r"\]\((reports/\w+/REPORT\.md)\)", shown)
    [table] = tables(shown)
    assert len(table) >= 5
    columns = table[0].keys()
    same_columns = [rows for rows in tables((ROOT / report).read_text(encoding="utf-8")) if columns <= rows[0].keys()]
    assert len(same_columns) == 1, f"{report} has no table, or several, with the columns {list(columns)}"
    reported = [{column: row[column] for column in columns} for row in same_columns[0]]
    assert [row for row in table if row not in reported] == []


def tables(text: str) -> list[list[dict[str, str]]]:
    """Return the Markdown tables of a text: a row is a dict from column to cell."""
    parsed = []
    for lines in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        header, _, *rows = [
            [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1]] for line in lines.splitlines()
        ]
        parsed.append([dict(zip(header, row, strict=True)) for row in rows])
    return parsed


def test_it_is_short() -> None:
    assert len(README.split()) <= 900
