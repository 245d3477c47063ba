"""Variants with a module against wider networks of equal cost: sentences, and whether the costs match."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from attnbench import records
from attnbench.records import LatencyRecord

VARIANTS = ["baseline", "se", "cbam", "slim", "wide"]
CONTROLS = {"se": {"parameters": "slim", "latency": "wide"}, "cbam": {"parameters": "slim", "latency": "slim"}}


@pytest.fixture
def made(make: Any) -> Any:
    """A study with controls, whose records are written."""
    return make(variants=VARIANTS, controls=CONTROLS)


def test_every_outcome_has_a_sentence(made: Any, rendered: Any) -> None:
    text = rendered(made).section("At equal cost")
    assert (
        "With 3 seeds `se` is better than `slim`, a wider network built for the same parameters: +3.00 percentage "
        "points, 95 % interval +2.98 to +3.02, p < 0.001 after Holm's correction. The match in parameters holds: "
        "`slim` has 1.002 times as many (`se` adds +1,000 to the baseline's 1,147,914, `slim` +3,000, so this control "
        "is barely larger than the baseline)." in text
    )
    assert "With 3 seeds `se` is worse than `wide`, a wider network built for the same latency: -3.00" in text
    assert (
        "`cbam` cannot be distinguished from `slim`, a wider network built for the same parameters and latency" in text
    )
    assert "after Holm's correction for the 3 comparisons with controls" in text
    assert "a pair shares the seed, the order of the images and the augmentation" in text


def test_the_abstract_lists_every_outcome(made: Any, rendered: Any) -> None:
    text = rendered(made).section("Abstract")
    assert "The largest difference of a variant with attention is that of `se`" in text
    assert text.endswith(
        "`se` is better than `slim` (parameters), `se` is worse than `wide` (latency) and `cbam` cannot be "
        "distinguished from `slim` (parameters and latency)."
    )


def test_a_study_without_controls_mentions_none(make: Any, rendered: Any) -> None:
    text = rendered(make(variants=VARIANTS))
    assert "At equal cost" not in text
    assert "wider network" not in text


def test_the_table_has_the_smallest_detectable_difference(made: Any, rendered: Any) -> None:
    text = rendered(made)
    table = pd.read_csv(made.paths.tables / "controls.csv").set_index(["variant", "control"])
    (row,) = [line for line in text.splitlines() if line.startswith("| se ") and "| wide " in line]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[2] == "latency"
    assert cells[6] == f"{100 * table.loc[('se', 'wide'), 'smallest_detectable']:.2f}"


def test_an_inconclusive_interval_that_excludes_zero_is_explained(make: Any, rendered: Any) -> None:
    differences = {"se": [0.010, 0.014, 0.018], "cbam": [0.01, 0.0, -0.01], "eca": [0.01, -0.02, 0.0]}
    controls = {name: {"parameters": "slim"} for name in differences}
    made = make(variants=["baseline", "se", "cbam", "eca", "slim"], controls=controls, differences=differences)
    text = rendered(made).section("At equal cost")
    p = 3 * stats.ttest_1samp(differences["se"], 0).pvalue
    assert (
        f"p = {p:.3f} after Holm's correction. The interval excludes 0, but it is that of one comparison among 3"
        in text
    )
    assert text.count("The interval excludes 0") == 1


def test_other_networks_share_less_than_the_seed(made: Any, rendered: Any) -> None:
    text = rendered(made)
    assert "The network of `slim` and `wide` has options that differ from the baseline's, so their initial" in text
    assert "| hidden: 513 |" in text  # in the table of variants


@pytest.mark.parametrize(
    ("slower", "match"),
    [
        ([1.04, 1.05, 1.05, 1.05, 1.06], "holds"),
        ([1.19, 1.2, 1.2, 1.2, 1.21], "does not hold"),
        ([1.0, 1.3, 1.0, 1.3, 1.0], "is inconclusive"),
    ],
)
def test_a_match_in_latency_is_judged_by_its_interval(
    made: Any, rendered: Any, slower: list[float], match: str
) -> None:
    base = rounds(made, "se")
    change_rounds(
        made,
        lambda row: [
            [factor * time for time in times] for factor, times in zip(slower, base[row.batch_size], strict=True)
        ],
        "wide",
    )
    assert f"The match in latency at batch size 64 {match}: `wide` takes" in rendered(made)


def test_one_process_gives_a_ratio_without_an_interval(made: Any, rendered: Any) -> None:
    change_rounds(made, lambda row: row.round_ms[2:3])
    assert (
        "The match in latency at batch size 1 is inconclusive: `wide` takes 1.273 times as long (too few processes for "
        "an interval)." in rendered(made)
    )


def rounds(made: Any, variant: str) -> dict[int, list[list[float]]]:
    """Return batch size -> measured times of a variant, by process and round."""
    rows = records.read(made.paths.latency, LatencyRecord).inference
    return {row.batch_size: row.round_ms for row in rows if row.variant == variant}


def change_rounds(made: Any, times: Callable[[Any], list[list[float]]], variant: str | None = None) -> None:
    """Write other measured times into the record of latency, for one variant or for all."""
    record = records.read(made.paths.latency, LatencyRecord)
    rows = [
        row.model_copy(update={"round_ms": times(row)}) if variant in (None, row.variant) else row
        for row in record.inference
    ]
    records.write(made.paths.latency, record.model_copy(update={"inference": rows}))


def test_a_match_in_parameters_may_fail(make: Any, rendered: Any) -> None:
    made = make(variants=VARIANTS, controls={"se": {"parameters": "wide"}})
    record = json.loads(made.paths.cost("wide").read_text())
    made.paths.cost("wide").write_text(json.dumps(record | {"parameters": 2_000_000}))
    text = rendered(made)
    assert "The match in parameters does not hold: `wide` has 1.741 times as many (`se` adds" in text
    assert "comparisons with controls" not in text


def test_one_seed_is_inconclusive(make: Any, rendered: Any) -> None:
    text = rendered(make(seeds=1, variants=VARIANTS, controls=CONTROLS)).section("At equal cost")
    assert (
        "With 1 seed `se` cannot be distinguished from `wide`, a wider network built for the same latency: -3.00"
        in text
    )
    assert "interval +" not in text
