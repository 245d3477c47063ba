"""REPORT.html in a browser: it loads nothing, logs nothing, and its tables sort."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_inputs import made_inputs

from attnbench.report.html_page import html_page
from attnbench.report.render import render

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
SORT_TWICE = """\
<script>
  const head = [...document.querySelectorAll("th")].find(cell => cell.textContent.startsWith("MACs"));
  head.click();
  head.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
</script>
"""


@pytest.fixture(scope="module")
def page() -> str:
    inputs = made_inputs({"se": "better", "cbam": "worse", "eca": "inconclusive"})
    documents = {name: render(inputs, name, {}) for name in ("REPORT.md", "DETAILS.md")}
    return html_page("A page", documents, Path())


def test_links_lead_into_the_page(page: str) -> None:
    targets = re.findall(r'href="([^"]+)"', page)
    assert targets
    assert [target for target in targets if f'id="{target.removeprefix("#")}"' not in page] == []


def test_a_heading_that_both_documents_have_is_two_targets(page: str) -> None:
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert 'href="#details-robustness"' in page
    assert 'href="#report-robustness"' in page


def test_long_names_break_after_underscores() -> None:
    page = html_page("A page", {"REPORT.md": "| `se_after_pool` |\n|:--|"}, Path())
    assert "<code>se_<wbr>after_<wbr>pool</code>" in page


def test_figures_are_inside(tmp_path: Path) -> None:
    (tmp_path / "a.svg").write_text('<svg id="#"/>')
    page = html_page("A page", {"REPORT.md": "![An alternative](figures/a.svg)"}, tmp_path)
    assert """<img src="data:image/svg+xml,%3Csvg id='%23'/%3E" alt="An alternative\"""" in page


@pytest.mark.skipif(BROWSER is None, reason="no Chromium")
def test_a_browser_sorts_and_complains_of_nothing(page: str, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page.replace("</body>", SORT_TWICE + "</body>"))
    flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--enable-logging=stderr"]
    command = [str(BROWSER), *flags, f"--user-data-dir={tmp_path}/u", "--dump-dom", file.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    assert "CONSOLE" not in done.stderr, "an error, or a request that the page's policy refused"
    table = done.stdout.partition("<table>")[2].partition("</table>")[0]
    rows = re.findall(r"<tr>\s*<td[^>]*><code>(\w+)", table)
    assert rows == ["baseline", "eca", "cbam", "se"], "12.000 M, then falling from +1.50 %"
