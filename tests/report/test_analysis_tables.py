"""The tables and the summary: numbers that are known from the way the study was made up."""

import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attnbench.analyse import analyse
from attnbench.analyse.statistics import seeds_needed, smallest_detectable_difference
from attnbench.errors import UserError


def table(made: Any, name: str) -> pd.DataFrame:
    """Return a written table by variant."""
    return pd.read_csv(made.paths.tables / f"{name}.csv").set_index("variant")


def test_accuracy(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = table(made, "accuracy")
    assert list(found.index) == list(made.study.variants)
    assert found.loc["baseline", "mean"] == pytest.approx(0.71)
    assert found.loc["baseline", "std"] == pytest.approx(0.01)
    assert found.loc["cbam", "mean"] == pytest.approx(0.73)
    assert (found["n"] == 3).all()
    assert found.loc["baseline", "validation"] == pytest.approx(0.715)


def test_differences_agree_with_scipy_and_with_holm_by_hand(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = table(made, "differences")
    test = stats.ttest_1samp([0.05, -0.01, 0.02], 0)
    interval = test.confidence_interval(0.95)
    assert found.loc["cbam", ["low", "high", "p"]].to_list() == pytest.approx(
        [interval.low, interval.high, test.pvalue], rel=1e-6
    )
    p = found["p"].sort_values()  # six are known; the seventh, of the variant without a spread, counts as a member
    stepped = np.maximum.accumulate([min(1.0, value * (7 - place)) for place, value in enumerate(p.dropna())])
    assert found.loc[p.dropna().index, "p_holm"].to_list() == pytest.approx(stepped.tolist(), rel=1e-6)


def test_power_is_that_of_the_strictest_of_holms_steps(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    row = table(made, "differences").loc["cbam"]
    assert row["smallest_detectable"] == pytest.approx(smallest_detectable_difference(0.03, 3, 0.05 / 7), rel=1e-6)
    assert row["seeds_needed"] == seeds_needed(0.02, 0.03, 0.05 / 7)


def test_verdicts_are_those_the_study_was_made_for(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = table(made, "differences")["verdict"]
    assert found.to_dict() == dict.fromkeys(found.index, "cannot be decided") | {"se": "better", "cam": "worse"}


def test_equal_differences_have_no_interval(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    row = table(made, "differences").loc["sam"]
    assert (row["mean"], row["std"]) == (0, 0)
    assert row[["low", "high", "p", "p_holm", "smallest_detectable", "seeds_needed"]].isna().all()


def test_one_seed_decides_nothing(make: Any) -> None:
    made = make(seeds=1)
    analyse(made.study, made.paths)
    found = table(made, "differences")
    assert (found["verdict"] == "cannot be decided").all()
    assert found[["std", "low", "high"]].isna().all().all()
    assert found.loc["cbam", "mean"] == pytest.approx(0.05)


def test_difference_by_seed_is_paired(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = table(made, "difference_by_seed").loc["cbam"]
    assert found["seed"].to_list() == [0, 1, 2]
    assert found["difference"].to_list() == pytest.approx([0.05, -0.01, 0.02])


def test_per_class_and_cost(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    classes = table(made, "per_class").loc["baseline"]
    assert classes["class"].to_list() == ["ring", "cross|bar", "star"]
    assert classes["mean"].to_list() == pytest.approx([0.71, 0.61, 0.81])
    cost = table(made, "cost")
    assert cost["parameters_difference"].to_list() == [1000 * place for place in range(8)]
    assert cost.loc["se", "macs_difference"] == 60_000


def test_the_first_epoch_does_not_decide_the_time(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = table(made, "time")
    assert found.loc["baseline", "seconds_per_epoch"] == 2.0  # the first epoch took 9
    assert (found["n"] == 3).all()


def test_missing_timings_are_counted(make: Any) -> None:
    made = make()
    made.paths.timing("se", 0).unlink()
    for seed in (0, 1, 2):
        made.paths.timing("cam", seed).unlink()
    analyse(made.study, made.paths)
    found = table(made, "time")
    assert found["n"].to_dict() == dict.fromkeys(found.index, 3) | {"se": 2, "cam": 0}
    assert math.isnan(found.loc["cam", "seconds_per_epoch"])


def test_no_timing_at_all(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    for path in made.paths.timings.iterdir():
        path.unlink()
    analyse(made.study, made.paths)
    assert table(made, "time")["n"].to_list() == [0, 0]


def test_environments_are_listed_the_most_frequent_first(make: Any) -> None:
    made = make()
    other = made.run("se", 0).identity.environment.model_copy(update={"processor": "Other CPU"})
    made.change("se", 0, identity={"environment": other})
    analyse(made.study, made.paths)
    found = pd.read_csv(made.paths.tables / "environment.csv")
    assert found["n"].to_list() == [23, 1]
    assert found.loc[1, ["processor", "runs"]].to_list() == ["Other CPU", "se-0"]


def test_summary_holds_numbers_alone_and_leaves_out_what_is_unknown(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    found = json.loads(made.paths.summary.read_text())
    assert set(found["se"]) == {"accuracy_mean", "accuracy_std", "n", "difference", "low", "high"}
    assert set(found["baseline"]) == {"accuracy_mean", "accuracy_std", "n"}
    assert set(found["sam"]) == {"accuracy_mean", "accuracy_std", "n", "difference"}
    assert all(type(value) in (int, float) for own in found.values() for value in own.values())
    assert found["se"]["difference"] == pytest.approx(0.03)
    assert found["se"]["n"] == 3


def test_equal_records_give_equal_bytes(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    files = [*made.paths.tables.iterdir(), made.paths.summary]
    before = {path: path.read_bytes() for path in files}
    analyse(made.study, made.paths)
    assert {path: path.read_bytes() for path in files} == before
    assert len(before) == 10


def test_csv_floats_are_stable(make: Any) -> None:
    made = make()
    analyse(made.study, made.paths)
    texts = [path.read_text() for path in made.paths.tables.glob("*.csv")]
    digits = re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.])", " ".join(texts))
    assert max(len(text.strip("-0.").replace(".", "")) for text in digits) <= 10


def test_nothing_is_written_when_a_run_is_missing(make: Any) -> None:
    made = make()
    made.paths.record("se", 1).unlink()
    with pytest.raises(UserError, match="se-1"):
        analyse(made.study, made.paths)
    assert not made.paths.report.exists()
