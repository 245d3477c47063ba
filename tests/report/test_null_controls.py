"""Variants with a module against gates that do not see their input: the section, and where controls are set apart."""

import re
from typing import Any

import pytest

VARIANTS = ["baseline", "se", "cbam", "cam", "constant", "static"]
CONTROLS = {name: {"constant": "constant", "static": "static"} for name in ("se", "cbam")}
# se is better than both controls; the difference of `constant` to the baseline is larger than that of any module
DIFFERENCES = {"constant": [-0.0400, -0.0402, -0.0398], "static": [0.01, 0.0101, 0.0102]}


@pytest.fixture
def made(make: Any) -> Any:
    """A study with null controls, whose records are written."""
    return make(variants=VARIANTS, controls=CONTROLS, differences=DIFFERENCES)


def test_what_the_comparisons_say_is_said(made: Any, rendered: Any) -> None:
    text = rendered(made)
    outcome = (
        "`se` is better than all of its null controls, so what it sees makes a difference. `cbam` is not better than "
        "all of its null controls, so these seeds do not show that it does more than rescale."
    )
    section = text.section("Is it attention?")
    assert (
        "`se` is better than its constant control; the difference of `cbam` to its constant control is inconclusive. "
        "`se` is better than its static control; the difference of `cbam` to its static control is inconclusive. "
        f"{outcome} `cam` has no null control in this study." in section
    )
    assert "after Holm's correction for the 4 comparisons with controls" in section
    assert "exclude 0" not in section
    assert f"A null control is a gate that never sees its input. {outcome}" in text.section("Abstract")


def test_an_interval_without_0_is_no_verdict(make: Any, rendered: Any) -> None:
    differences = DIFFERENCES | {"se": [0.019, 0.024, 0.029], "constant": [0.01] * 3}  # p = 0.04 before Holm
    section = rendered(make(variants=VARIANTS, controls=CONTROLS, differences=differences)).section("Is it attention?")
    assert "Intervals of `se` exclude 0, but an interval is for one comparison: after Holm's correction" in section


def test_the_table_has_every_pair(made: Any, rendered: Any) -> None:
    lines = rendered(made).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("| Variant   | Null control"))
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[start + 2 : start + 6]]
    assert [row[:3] for row in rows] == [
        [name, control, control] for name in ("se", "cbam") for control in ("constant", "static")
    ]
    assert rows[0][3].startswith("+7.00 [+6.9")
    assert rows[2][6] == "inconclusive"


def test_null_controls_do_not_pass_for_attention(made: Any, rendered: Any) -> None:
    text = rendered(made)
    abstract = text.section("Abstract")
    assert "5 other variants of the network `cnn`, 2 of them null controls, were trained" in abstract
    assert (
        "Of the null controls, `static` is better than the baseline; `constant` is worse than the baseline." in abstract
    )
    assert "The largest difference of a variant with attention is that of `se`: +3.00" in abstract
    kinds = dict(re.findall(r"^\| (\w+) +\| (baseline|attention|null control) +\|", text, re.MULTILINE))
    assert [kinds[name] for name in VARIANTS] == ["baseline", *["attention"] * 3, *["null control"] * 2]


def test_a_study_without_null_controls_says_so(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=["baseline", "se"])).section("Is it attention?")
    assert text.startswith("This study names no null control, a gate that never sees its input. So it cannot tell")


def test_a_sentence_begins_with_a_capital(make: Any, rendered: Any) -> None:
    made = make(variants=["baseline", "se", "static"], controls={"se": {"static": "static"}}, seeds=1)
    text = rendered(made).section("Is it attention?")
    assert "not to attention. The difference of `se` to its static control is inconclusive. `se` is not better" in text
