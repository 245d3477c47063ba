"""docs/findings.md says no number that neither a report nor a command in it says."""

import re
import subprocess
import sys
from functools import cache

from .documents import ROOT, read

FINDINGS = read("docs/findings")
INTERVAL = re.compile(r"[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]")


@cache
def printed(command: str) -> str:
    """Return what an `attnbench` command prints."""
    code = "from attnbench.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, *command.split()[1:]], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def reports(section: str) -> str:
    """Return the texts of the reports that a section links, with their details, and what its commands print."""
    names = set(re.findall(r"\]\(\.\./reports/(\w+)/REPORT\.md", section))
    assert names, f"no report is linked:\n{section}"
    texts = [
        (ROOT / "reports" / name / file).read_text(encoding="utf-8")
        for name in names
        for file in ("REPORT.md", "DETAILS.md")
    ]
    return "\n".join(texts + [printed(command) for command in re.findall(r"`(attnbench compare [^`]+)`", section)])


def test_every_difference_stands_in_a_report_that_its_section_links() -> None:
    sections = [section for section in re.split(r"^## ", FINDINGS, flags=re.MULTILINE) if INTERVAL.search(section)]
    assert len(sections) >= 2
    for section in sections:
        reported = " ".join(reports(section).replace("|", " ").split())  # an interval may have its own column
        assert [number for number in INTERVAL.findall(" ".join(section.split())) if number not in reported] == []


def test_every_row_of_a_table_is_part_of_a_row_of_the_same_variant_in_a_report() -> None:
    rows = re.findall(r"^\| `(\w+)` *\|(.*)\|$", FINDINGS, re.MULTILINE)
    assert len(rows) >= 8
    reported = re.findall(r"^\| `(\w+)` *\|(.*)\|$", reports(FINDINGS), re.MULTILINE)
    for variant, cells in rows:
        parts = {cell.strip() for cell in cells.split("|")}
        said = {cell.strip() for name, others in reported if name == variant for cell in others.split("|")}
        assert parts <= said, (variant, parts - said)
