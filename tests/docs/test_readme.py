"""What README.md shows is run here."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from attnbench import study

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    """Return the one fenced block of that language that contains a text."""
    found = [text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text]
    assert len(found) == 1
    return found[0]


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


def test_the_added_module_passes_the_contract_of_all_modules(extended):
    tests = str(ROOT / "tests" / "networks" / "test_module_contract.py")
    options = ("-q", "-p", "no:cacheprovider", "-c", os.devnull, "-o", f"pythonpath={ROOT / 'tests'}")
    options += ("--import-mode=importlib", "--module", "channel_scale")
    done = run(extended, "-m", "pytest", *options, tests)
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"(\d+) passed", done.stdout)[1]) >= 8


def test_the_added_line_makes_it_a_variant(extended):
    done = run(
        extended,
        "-c",
        "from pathlib import Path; from attnbench import study\n"
        "print(study.load(Path('params.yaml')).variants['channel_scale'])",
    )
    assert done.stdout.startswith("attention='channel_scale'"), done.stderr


def test_the_variants_shown_are_valid(tmp_path):
    params = (ROOT / "params.yaml").read_text()
    shown = block("yaml", "cbam_last:")
    start, end = params.index("variants:"), params.index("\nseeds:")
    (tmp_path / "params.yaml").write_text(params[:start] + shown + params[end:])
    assert study.load(tmp_path / "params.yaml").variants["cbam_last"].options == {"reduction": 8, "norm": False}


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_table_shown_is_the_reports():
    report = (ROOT / "reports/quickstart/REPORT.md").read_text(encoding="utf-8")
    shown = README.split("## A result", 1)[1].split("\n## ", 1)[0]
    rows = [line for line in shown.splitlines() if line.startswith("|")]
    assert len(rows) >= 6
    assert [row for row in rows if row not in report.splitlines()] == []
