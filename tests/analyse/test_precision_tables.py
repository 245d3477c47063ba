"""Tables on precision, diagnostics and other test images, from a study with known answers."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from attnbench.analyse import analyse, statistics
from attnbench.errors import UserError
from attnbench.records.correct import write_correct


def table(made: Any, name: str) -> pd.DataFrame:
    analyse(made.study, made.paths)
    return pd.read_csv(made.paths.tables / f"{name}.csv")


def test_precision_says_what_these_seeds_give_and_what_more_would(make: Any) -> None:
    made = make(variants=["baseline", "eca", "cbam"], margin=0.7)
    precision = table(made, "precision")
    assert precision["spread"].to_list() == 5 * ["observed"] + 5 * ["upper"]
    assert precision["half_width"][1:5].to_list() == [0.01, 0.007, 0.005, 0.003]
    std = precision["error_std"][0]
    contrasts = np.array([[-1.0, 1, 0], [-1, 0, 1]])
    assert precision["seeds"][0] == 3
    assert precision["half_width"][0] == pytest.approx(statistics.expected_half_width(contrasts, 3, std, 0.95))
    assert precision["seeds"][1] == statistics.seeds_for(0.01, contrasts, std, 0.95)
    assert precision["error_std"][5] == pytest.approx(statistics.upper_limit(std, 4, 0.8))
    assert (precision["seeds"][6:].to_numpy() > precision["seeds"][1:5].to_numpy()).all()


def test_variants_with_equal_runs_are_planned_for_as_one(make: Any) -> None:
    same = [0.01, 0.03, 0.02]
    precision = table(make(variants=["baseline", "se", "eca"], differences={"se": same, "eca": same}), "precision")
    half_width = statistics.expected_half_width(np.array([[-1.0, 1]]), 3, precision["error_std"][0], 0.95)
    assert precision["half_width"][0] == pytest.approx(half_width)


def test_diagnostics_name_the_run_and_the_comparison(make: Any) -> None:
    differences = {"se": [0.01, 0.02, 0.01], "eca": [0.0, 0.01, -0.15], "cbam": [0.01, 0.0, 0.02]}
    made = make(variants=["baseline", "se", "eca", "cbam"], differences=differences)
    diagnostics = table(made, "diagnostics").set_index("quantity")
    assert diagnostics.loc["largest_residual", "of"] == "eca-2"
    assert diagnostics.loc["largest_residual", "p"] < 0.01
    assert diagnostics.loc["own_variance", "of"].to_list() == ["se - baseline", "eca - baseline", "cbam - baseline"]
    spread = diagnostics.loc["error_std"]
    assert spread["low"] < spread["value"] < spread["high"]
    without = diagnostics.loc["error_std_without"].set_index("of")
    assert without.index.to_list() == ["baseline", "se", "eca", "cbam"]
    assert without.loc["eca", "p"] < 0.01 < without.loc["se", "p"]
    others = make(variants=["baseline", "se", "cbam"], differences=differences | {"eca": [0.0] * 3})
    assert without.loc["eca", "value"] == pytest.approx(table(others, "diagnostics")["value"][0])


def test_one_seed_has_empty_rows(make: Any) -> None:
    made = make(seeds=1, variants=["baseline", "se", "eca"])
    diagnostics = table(made, "diagnostics")
    assert diagnostics[["of", "value", "low", "high", "p"]].drop(index=[1, 2, 3, 7, 8]).isna().all(axis=None)
    assert diagnostics["value"].isna().all()
    assert table(made, "precision").empty
    assert table(made, "comparisons")[["image_share", "low_images", "high_images"]].isna().all(axis=None)


def test_images_that_favour_a_variant_widen_its_interval(make: Any) -> None:
    made = make(variants=["baseline", "se", "eca"])  # the images that only se gets right are the same for every seed
    se = table(made, "comparisons").set_index("variant").loc["se"]
    assert se["image_share"] > 0.9
    assert se["low_images"] < se["low"] < se["high"] < se["high_images"]
    assert (se["verdict"], se["verdict_images"]) == ("better", "better")


def test_bits_of_another_run_are_refused(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    write_correct(made.paths.correct("se", 1), np.arange(400) < 200)
    message = r"se-1\.bits has 200 correct of 400 test images, but the record of the run says 74\.01%.*train@se-1"
    with pytest.raises(UserError, match=message):
        analyse(made.study, made.paths)
    assert not made.paths.report.exists()
