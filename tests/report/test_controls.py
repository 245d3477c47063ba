"""Variants with a module against wider networks of equal cost: sentences, and whether the match holds."""

import json
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from attnbench import records
from attnbench.analyse import analyse
from attnbench.records import LatencyRecord
from attnbench.report import gallery, write_report
from attnbench.report.inputs import read
from attnbench.report.render import render

VARIANTS = ["baseline", "se", "cbam", "slim", "wide"]
CONTROLS = {"se": {"parameters": "slim", "latency": "wide"}, "cbam": {"parameters": "slim", "latency": "slim"}}
NO_FIGURES = gallery.Gallery(results=[], controls=[], learning=[], sheets=[], maps={})


@pytest.fixture
def made(make: Any) -> Any:
    """A study with controls, whose records are written."""
    return make(variants=VARIANTS, controls=CONTROLS)


def table(made: Any, name: str) -> pd.DataFrame:
    """Return a written table by variant and control."""
    return pd.read_csv(made.paths.tables / f"{name}.csv").set_index(["variant", "control"])


def table_after(made: Any, name: str) -> pd.DataFrame:
    """Analyse, and return a table."""
    analyse(made.study, made.paths)
    return table(made, name)


def said_lines(made: Any) -> list[str]:
    """Return the lines of the report without figures."""
    analyse(made.study, made.paths)
    return render(read(made.study, made.paths), NO_FIGURES).splitlines()


def said(made: Any) -> str:
    """Return the report without figures, in one line."""
    return " ".join(" ".join(said_lines(made)).split())


def test_a_study_without_controls_says_nothing_of_them(make: Any) -> None:
    text = said(make(variants=VARIANTS))
    assert "At equal cost" not in text
    assert "wider network" not in text


def test_each_outcome_is_said(made: Any) -> None:
    text = said(made)
    assert (
        "With 3 seeds `se` is better than `slim`, a wider network built for the same parameters: +3.00 percentage "
        "points, 95 % interval +2.98 to +3.02, p < 0.001 after Holm's correction. The match in parameters holds: "
        "`slim` has 1.002 times as many (`se` adds" in text
    )
    assert "With 3 seeds `se` loses to `wide`, a wider network built for the same latency: -3.00" in text
    assert "`cbam` cannot be told from `slim`, a wider network built for the same parameters and latency" in text
    assert (
        "`se` is better than `slim` (parameters), `se` loses to `wide` (latency) and `cbam` cannot be told from `slim` "
        "(parameters and latency)." in text
    )
    assert "after Holm's correction for the 3 comparisons of this section" in text


def test_the_largest_difference_is_said_to_be_that_of_a_module(made: Any) -> None:
    assert "The largest difference of a variant with a module is that of `" in said(made)


def test_the_smallest_detectable_difference_is_beside_the_verdict(made: Any) -> None:
    detectable = 100 * table_after(made, "controls").loc[("se", "wide"), "smallest_detectable"]
    (row,) = [line for line in said_lines(made) if line.startswith("| se ") and "| wide " in line and "latency" in line]
    assert f"{detectable:.2f}" in [cell.strip() for cell in row.split("|")]


def test_an_interval_that_leaves_out_zero_and_decides_nothing_is_explained(make: Any) -> None:
    differences = {"se": [0.010, 0.014, 0.018], "cbam": [0.01, 0.0, -0.01], "eca": [0.01, -0.02, 0.0]}
    variants = ["baseline", "se", "cbam", "eca", "slim"]
    controls = {name: {"parameters": "slim"} for name in differences}
    text = said(make(variants=variants, controls=controls, differences=differences))
    p = 3 * stats.ttest_1samp(differences["se"], 0).pvalue
    said_of_it = (
        f"p = {p:.3f} after Holm's correction. The interval leaves out 0, but is that of one comparison among 3"
    )
    assert said_of_it in text
    assert text.count("leaves out 0") == 1


def test_what_a_pair_has_in_common_is_said(made: Any) -> None:
    text = said(made)
    assert "The network of `slim` and `wide` has other options than the baseline's, so their initial weights" in text
    assert "a pair has the seed, the order of the images and the augmentation in common" in text
    assert "| hidden: 513 |" in text  # in the table of variants


@pytest.mark.parametrize(
    ("slower", "match"), [([1.05] * 30, "holds"), ([1.2] * 30, "does not hold"), ([1.0, 1.3] * 15, "cannot be told")]
)
def test_a_match_in_latency_is_judged_by_its_interval(made: Any, slower: list[float], match: str) -> None:
    record = records.read(made.paths.latency, LatencyRecord)
    base = {row.batch_size: row.round_ms for row in record.rows if row.variant == "se"}
    rows = [
        row.model_copy(
            update={"round_ms": [one * other for one, other in zip(base[row.batch_size], slower, strict=True)]}
        )
        if row.variant == "wide"
        else row
        for row in record.rows
    ]
    records.write(made.paths.latency, record.model_copy(update={"rows": rows}))
    assert f"The match in latency at batch size 64 {match}: `wide` takes" in said(made)


def test_a_match_in_parameters_may_fail(make: Any) -> None:
    made = make(variants=VARIANTS, controls={"se": {"parameters": "wide"}})
    record = json.loads(made.paths.cost("wide").read_text())
    made.paths.cost("wide").write_text(json.dumps(record | {"parameters": 2_000_000}))
    text = said(made)
    assert "The match in parameters does not hold: `wide` has 1.741 times as many (`se` adds" in text
    assert "comparisons of this section" not in text


def test_one_seed_cannot_tell(make: Any) -> None:
    made = make(seeds=1, variants=VARIANTS, controls=CONTROLS)
    assert "With 1 seed `se` cannot be told from `wide`, a wider network built for the same latency: -3.00" in said(
        made
    )


def test_the_figures_are_drawn_and_linked(made: Any) -> None:
    analyse(made.study, made.paths)
    write_report(made.study, made.paths)
    text = (made.paths.report / "REPORT.md").read_text()
    assert "figures/control_forest.png" in text
    assert "Green triangles: wider networks" in text
    assert (made.paths.figures / "control_forest.png").stat().st_size > 5000
