"""docs/findings.md says no number that the reports do not say."""

import re

from .documents import ROOT, read

FINDINGS = read("docs/findings")
INTERVAL = re.compile(r"[+-]\d+\.\d\d \[[+-]\d+\.\d\d, [+-]\d+\.\d\d\]")


def reports(section: str) -> str:
    """Return the texts of the reports that a section links, with their details."""
    names = set(re.findall(r"\]\(\.\./reports/(\w+)/REPORT\.md", section))
    assert names, f"no report is linked:\n{section}"
    return "\n".join(
        (ROOT / "reports" / name / file).read_text(encoding="utf-8")
        for name in names
        for file in ("REPORT.md", "DETAILS.md")
    )


def test_every_difference_stands_in_a_report_that_its_section_links() -> None:
    sections = [section for section in re.split(r"^## ", FINDINGS, flags=re.MULTILINE) if INTERVAL.search(section)]
    assert len(sections) >= 2
    for section in sections:
        reported = reports(section)
        assert [number for number in INTERVAL.findall(" ".join(section.split())) if number not in reported] == []


def test_every_row_of_a_table_is_part_of_a_row_of_the_same_variant_in_a_report() -> None:
    rows = re.findall(r"^\| `(\w+)` *\|(.*)\|$", FINDINGS, re.MULTILINE)
    assert len(rows) >= 8
    reported = re.findall(r"^\| `(\w+)` *\|(.*)\|$", reports(FINDINGS), re.MULTILINE)
    for variant, cells in rows:
        parts = {cell.strip() for cell in cells.split("|")}
        said = {cell.strip() for name, others in reported if name == variant for cell in others.split("|")}
        assert parts <= said, (variant, parts - said)
