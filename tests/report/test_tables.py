"""Markdown tables, read back by a Markdown parser."""

import math

import pandas as pd
from markdown_it import MarkdownIt
from markdown_it.token import Token

from attnbench.report.formatting import MISSING
from attnbench.report.tables import markdown


def cells(text: str) -> list[str]:
    """Return the content of every cell, headers first, as a reader sees it."""
    tokens: list[Token] = MarkdownIt("commonmark").enable("table").parse(text)
    inside = [tokens[i + 1] for i, token in enumerate(tokens) if token.type in ("th_open", "td_open")]
    return ["".join(child.content for child in token.children or []) for token in inside]


def test_a_pipe_stays_in_its_cell() -> None:
    frame = pd.DataFrame({"Variant": ["ca|b", "a\\|b"], "x|y": ["1", "2"]})
    assert cells(markdown(frame)) == ["Variant", "x|y", "ca|b", "1", "a\\|b", "2"]


def test_marks_of_markdown_are_characters() -> None:
    names = ["*a*", "`b`", "<b>c</b>", "< 0.001", "se_after_pool", "[+2.98, +3.02]"]
    assert cells(markdown(pd.DataFrame({"Variant": names})))[1:] == names


def test_missing_is_an_en_dash() -> None:
    frame = pd.DataFrame({"Variant": ["a", "b", "c"], "v": ["x", None, math.nan]})
    assert cells(markdown(frame))[2:] == ["a", "x", "b", MISSING, "c", MISSING]


def test_texts_that_look_like_numbers_are_printed_as_they_are() -> None:
    frame = pd.DataFrame({"Variant": ["a", "b"], "v": ["1,147,914", "+0.10"]})
    assert cells(markdown(frame))[2:] == ["a", "1,147,914", "b", "+0.10"]


def test_line_ends_cannot_break_a_row() -> None:
    assert cells(markdown(pd.DataFrame({"Variant": ["a\n| b |\n"]}))) == ["Variant", "a | b |"]


def test_words_are_set_left_and_numbers_right() -> None:
    rule = markdown(pd.DataFrame({"Variant": ["a"], "n": ["3"], "Says": ["x"]}), ("Variant", "Says")).splitlines()[1]
    left, right, said = rule.strip("|").split("|")
    assert (left[0], right[-1], said[0]) == (":", ":", ":")
    assert not left.endswith(":")
    assert not right.startswith(":")


def test_no_row_is_a_header_alone() -> None:
    assert markdown(pd.DataFrame({"Variant": []})).splitlines()[0] == "| Variant   |"
