"""Texts of users in Markdown, HTML and LaTeX: what a reader sees is what the user wrote."""

import re
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from made_inputs import made_inputs
from markdown_it import MarkdownIt

from attnbench.report import formatting, overview, paper
from attnbench.report.html_page import html_page
from attnbench.report.render import render
from attnbench.report.tables import markdown

HOSTILE = [
    *("a|b", "a\\|b", "$x$ and $$y$$", "*b* _c_ `d` ~~e~~", "<b>f</b><!-- g -->", "&lt; & &#36;", "[i](javascript:j)"),
    *("![k](q)", "# l", "snow_leopard", "__init__", "100 %", "{m}^n~o", "雪豹", "雪 🐆", "ребёнок", "أسد"),
]


def shown(text: str) -> list[str]:
    """Return what a reader sees of every cell and paragraph."""
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    inline = [token.children or [] for token in tokens if token.type == "inline"]
    return ["".join(child.content for child in children) for children in inline]


def test_a_cell_shows_what_was_written() -> None:
    frame = pd.DataFrame({"Class": HOSTILE, "x|y": ["1"] * len(HOSTILE)})
    assert shown(markdown(frame))[2::2] == HOSTILE


@pytest.mark.parametrize("text", HOSTILE)
def test_a_paragraph_shows_what_was_written(text: str) -> None:
    assert shown(f"*{formatting.plain(text)}*") == [text]
    assert not re.search(r"(?<!\\)\$", formatting.plain(text)), "GitHub would read mathematics"


def test_line_ends_and_control_characters_are_dropped() -> None:
    assert formatting.plain("a\n| b\t\x1b[31m\x00\u202e") == "a \\| b \\[31m"


def test_a_hostile_study_breaks_no_table_and_no_page() -> None:
    classes = [*HOSTILE, *(f"class {number}" for number in range(100 - len(HOSTILE)))]
    text = "</script><img src=x onerror=alert(1)> | $z$ \\end{document}"
    inputs = made_inputs({"cbam": "better"}, data={"classes": classes, "title": text}, title=text, question=text)
    documents = {name: render(inputs, name, {}) for name in ("REPORT.md", "DETAILS.md")}
    for table in re.findall(r"(?:^\|.*\n)+", "".join(documents.values()), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table
    assert [cell for cell in shown(documents["DETAILS.md"]) if cell in HOSTILE] == HOSTILE
    page = html_page(text, documents, Path())
    assert page.count("<script>") == page.count("</script>") == 1
    assert "<img" not in page
    main = paper.paper(inputs)["main.tex"]
    assert main.count("\\end{document}") == 1
    assert "\\$z\\$" in main


def test_latex_shows_what_was_written() -> None:
    assert paper.latex("50 % of {a_b} & $c$ \\d ~^#") == (
        r"50 \% of \{a\_b\} \& \$c\$ \textbackslash{}d \textasciitilde{}\textasciicircum{}\#"
    )


def test_missing_numbers_and_texts_like_numbers_are_printed_as_they_are() -> None:
    frame = pd.DataFrame({"Variant": ["a", "b"], "v": ["1,147,914", None], "w": ["+0.10", float("nan")]})
    assert shown(markdown(frame))[3:] == ["a", "1,147,914", "+0.10", "b", formatting.MISSING, formatting.MISSING]


def test_words_are_set_left_and_numbers_right() -> None:
    rule = markdown(pd.DataFrame({"Variant": ["a"], "n": ["3"], "Class": ["x"]})).splitlines()[1]
    left, right, text = rule.strip("|").split("|")
    assert (left[0], right[-1], text[0], left[-1], right[0]) == (":", ":", ":", "-", "-")


def test_the_overview_escapes_and_links() -> None:
    row = {"study": "s", "title": "", "question": "a | b $c$?", "images": "<i>", "network": "cnn", "n": "3"}
    row |= {"variant": "baseline", "kind": "baseline", "verdict": "", "data_sha256": "d" * 64, "code_sha256": "c" * 64}
    better = {
        **row,
        "variant": "se",
        "kind": "attention",
        "verdict": "better",
        "difference": "0.02",
        "low": "0.01",
        "high": "0.03",
    }
    text = overview.overview([[row, {**better, "training_step_ratio": "1.234"}]], {}, date(2026, 1, 31))
    assert next(line for line in text.splitlines() if line.startswith("| [")) == (
        "| [`s`](s/REPORT.md) | a \\| b \\$c\\$? | \\<i\\> | `cnn` | 3 | better: `se` +2.00 | 1.23 times "
        "| dddddddd, 2026-01-31 | cccccccc, 2026-01-31 |"
    )
