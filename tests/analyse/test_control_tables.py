"""Variants with a module against null controls and wider networks: the tables and the summary."""

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from scipy import stats

from attnbench.analyse import analyse
from attnbench.analyse.controls import pairs

VARIANTS = ["baseline", "se", "cbam", "slim", "wide", "constant"]
CONTROLS = {
    "se": {"constant": "constant", "parameters": "slim", "latency": "wide"},
    "cbam": {"parameters": "slim", "latency": "slim"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """A study with controls, analysed; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("controls"), variants=VARIANTS, controls=CONTROLS)
    analyse(made.study, made.paths)
    return made


def table(made: Any, name: str) -> pd.DataFrame:
    """Return a written table by variant and control."""
    return pd.read_csv(made.paths.tables / f"{name}.csv").set_index(["variant", "control"])


def test_a_control_for_two_costs_is_one_comparison(made: Any) -> None:
    assert [(pair.variant, pair.control, pair.kinds) for pair in pairs(made.study)] == [
        ("se", "constant", ("constant",)),
        ("se", "slim", ("parameters",)),
        ("se", "wide", ("latency",)),
        ("cbam", "slim", ("parameters", "latency")),
    ]


def test_differences_are_paired_and_form_one_family(made: Any) -> None:
    controls = table(made, "controls")
    test = stats.ttest_1samp([0.05, -0.01, 0.02], 0)
    cbam = controls.loc[("cbam", "slim")]
    assert cbam[["mean", "p"]].to_list() == pytest.approx([0.02, test.pvalue], rel=1e-6)
    assert cbam["p_holm"] == pytest.approx(test.pvalue, rel=1e-6)  # the largest of four
    assert controls["p_holm"].min() == pytest.approx(4 * controls["p"].min(), rel=1e-6)
    assert controls["verdict"].to_list() == ["better", "better", "worse", "inconclusive"]
    assert controls["kind"].to_list() == ["constant", "parameters", "latency", "parameters latency"]
    by_seed = table(made, "control_by_seed").loc[("se", "wide"), "difference"]
    assert by_seed.to_list() == pytest.approx([0.0300 - 0.0600, 0.0301 - 0.0602, 0.0299 - 0.0598])


def test_cost_ratios_are_the_controls_to_the_variants(made: Any) -> None:
    controls, latency = table(made, "controls"), table(made, "control_latency")
    assert controls.loc[("se", "wide"), "parameters_ratio"] == pytest.approx(1_151_914 / 1_148_914)
    assert controls.loc[("se", "wide"), "macs_ratio"] == pytest.approx(12_240_000 / 12_060_000)
    costs = table(made, "control_costs")
    pd.testing.assert_frame_equal(costs, controls[list(costs)])
    rows = latency.loc[("se", "wide")]
    assert rows["batch_size"].to_list() == [1, 64]
    for _, row in rows.iterrows():
        ratio = row[["ratio", "ratio_low", "ratio_high", "rounds", "processes"]].to_list()
        half = 2.776445 * math.sqrt(2.5 / 4) / math.sqrt(5) * 0.005 * 3  # three variants apart
        interval = [1.4 / 1.1 * math.exp(-half), 1.4 / 1.1 * math.exp(half)]
        assert ratio == pytest.approx([1.4 / 1.1, *interval, 30, 5])


def test_controls_change_no_other_table(made: Any, make_in: Any, tmp_path: Path) -> None:
    plain = make_in(tmp_path, variants=VARIANTS)
    analyse(plain.study, plain.paths)
    tables = {path.name: path.read_bytes() for path in made.paths.tables.iterdir()}
    others = {path.name: path.read_bytes() for path in plain.paths.tables.iterdir()}
    assert set(tables) - set(others) == {
        "controls.csv",
        "control_costs.csv",
        "control_by_seed.csv",
        "control_latency.csv",
    }
    family = {
        "comparisons.csv",
        "comparison_by_seed.csv",
        "precision.csv",
        "diagnostics.csv",
    }  # of which the controls are members
    assert {name: tables[name] for name in others if name not in family} == {
        name: others[name] for name in others if name not in family
    }
