"""Every comparison of a study as one family: the tables and the summary."""

import json
from typing import Any

import pandas as pd
import pytest

from attnbench.analyse import analyse
from attnbench.analyse.statistics import block_comparisons, pair_contrasts

VARIANTS = ["baseline", "se", "cbam", "slim", "wide", "constant"]
CONTROLS = {"se": {"constant": "constant", "latency": "wide"}, "cbam": {"parameters": "slim", "latency": "slim"}}
PAIRS = [
    *((name, "baseline") for name in VARIANTS[1:]),
    *(("se", "constant"), ("se", "wide"), ("cbam", "slim"), ("se", "cbam")),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """A study with controls and a declared pair, analysed; changed by no test."""
    root = tmp_path_factory.mktemp("comparisons")
    differences = {"slim": [0.001, 0.0, -0.001]}  # not those of the baseline, which would make it the same network
    settings = {"controls": CONTROLS, "comparisons": [["se", "cbam"]], "margin": 30}
    made = make_in(root, variants=VARIANTS, differences=differences, **settings)
    analyse(made.study, made.paths)
    return made


def test_all_pairs_are_one_family(made: Any) -> None:
    frame = pd.read_csv(made.paths.tables / "comparisons.csv")
    assert list(zip(frame["variant"], frame["reference"], strict=True)) == PAIRS
    assert frame["kind"].to_list() == ["baseline"] * 5 + ["constant", "latency", "parameters latency", "declared"]
    values = [[made.run(variant, seed).accuracy for seed in range(3)] for variant in VARIANTS]
    expected = block_comparisons(values, pair_contrasts(VARIANTS, PAIRS), 0.95, 0.3)
    for name in ("difference", "low", "high", "standard_error", "degrees_of_freedom"):
        assert frame[name].to_list() == pytest.approx([getattr(one, name) for one in expected], rel=1e-6), name
    assert frame["verdict"].to_list() == [one.verdict for one in expected]
    assert "equivalent" in set(frame["verdict"])
    assert (frame["n"] == 3).all()


def test_differences_by_seed_are_paired(made: Any) -> None:
    frame = pd.read_csv(made.paths.tables / "comparison_by_seed.csv").set_index(["variant", "reference"])
    assert frame.loc[("se", "cbam"), "seed"].to_list() == [0, 1, 2]
    assert frame.loc[("se", "cbam"), "difference"].to_list() == pytest.approx([-0.02, 0.0401, 0.0099])
    assert len(frame) == 3 * len(PAIRS)


def test_the_summary_has_every_comparison_in_points(made: Any) -> None:
    frame = pd.read_csv(made.paths.tables / "comparisons.csv").set_index(["variant", "reference"])
    summary = json.loads(made.paths.summary.read_text())
    for (variant, reference), row in frame.iterrows():
        own = summary[variant] if reference == "baseline" else summary[variant]["to"][reference]
        for name in ("difference", "low", "high"):
            assert own[name] == pytest.approx(100 * row[name], abs=6e-5)
        assert own["verdict"] == row["verdict"]
    assert summary["baseline"] == {"accuracy": 71.0}
    assert set(summary["se"]["to"]) == {"constant", "wide", "cbam"}


def test_one_seed_has_differences_and_no_intervals(make: Any) -> None:
    made = make(seeds=1, variants=["baseline", "se"])
    analyse(made.study, made.paths)
    frame = pd.read_csv(made.paths.tables / "comparisons.csv")
    assert frame[["low", "high", "standard_error", "degrees_of_freedom"]].isna().all().all()
    assert json.loads(made.paths.summary.read_text())["se"] == {
        "accuracy": 73.0,
        "difference": 3.0,
        "verdict": "inconclusive",
    }
