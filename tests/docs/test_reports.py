"""The files of all studies in reports/ are those that the reports of the studies give."""

import re
import shutil
from pathlib import Path

from attnbench.report.overview import write_overview

from .documents import ROOT

MOST = 4_000_000  # bytes of a study


def test_the_overview_is_that_of_the_published_reports(tmp_path: Path) -> None:
    published = ROOT / "reports"
    for file in published.glob("*/results.csv"):
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True)
        shutil.copy(file, copy)
    shutil.copy(published / "README.md", tmp_path / "reports")  # a day stays as it is
    write_overview(tmp_path)
    renew = "stale: run `attnbench run` of any study"
    for name in ("README.md", "results.csv"):
        assert (published / name).read_bytes() == (tmp_path / "reports" / name).read_bytes(), renew
    # other versions of matplotlib draw other bytes
    drawn, kept = (re.findall("<!-- .* -->", (root / "reports/forest.svg").read_text()) for root in (tmp_path, ROOT))
    assert drawn == kept, renew


def test_no_report_is_large() -> None:
    for study in (ROOT / "reports").glob("*/"):
        assert sum(path.stat().st_size for path in study.rglob("*.*")) < MOST, study.name
