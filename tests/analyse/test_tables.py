"""The tables and the summary: numbers that are known from the way the study was made up."""

import json
import math
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attnbench.analyse import analyse
from attnbench.errors import UserError


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """All eight variants and three seeds, analysed; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("full"))
    analyse(made.study, made.paths)
    return made


def table(made: Any, name: str) -> pd.DataFrame:
    """Return a written table by variant."""
    return pd.read_csv(made.paths.tables / f"{name}.csv").set_index("variant")


def test_accuracy(full: Any) -> None:
    accuracy = table(full, "accuracy")
    assert list(accuracy.index) == list(full.study.variants)
    assert accuracy.loc["baseline", "mean"] == pytest.approx(0.71)
    assert accuracy.loc["baseline", "std"] == pytest.approx(0.01)
    assert accuracy.loc["baseline", "standard_error"] == pytest.approx((0.71 * 0.29 / 400) ** 0.5)
    assert accuracy.loc["cbam", "mean"] == pytest.approx(0.73)
    assert (accuracy["n"] == 3).all()
    assert accuracy.loc["baseline", "validation"] == pytest.approx(0.715)


def test_per_class_and_cost(full: Any) -> None:
    classes = table(full, "per_class").loc["baseline"]
    assert classes["class"].to_list() == ["ring", "cross|bar", "star"]
    assert classes["mean"].to_list() == pytest.approx([0.71, 0.61, 0.81])
    cost = table(full, "cost")
    assert cost["parameters_difference"].to_list() == [1000 * position for position in range(8)]
    assert cost.loc["se", "macs_difference"] == 60_000


def test_latency_is_compared_with_the_baseline_within_the_rounds_of_each_process(full: Any) -> None:
    latency = pd.read_csv(full.paths.tables / "latency.csv")
    assert latency["batch_size"].to_list() == [1] * 8 + [64] * 8
    assert latency["variant"].to_list() == 2 * list(full.study.variants)
    names = ["ratio", "ratio_low", "ratio_high", "rounds", "processes"]
    assert list(latency) == ["variant", "batch_size", "median_ms", "iqr_ms", "p90_ms", *names]
    ratios = latency.set_index(["variant", "batch_size"])[names]
    assert ratios.loc[("baseline", 1)].to_list() == pytest.approx([1, math.nan, math.nan, 30, 5], nan_ok=True)
    half = 2.776445 * math.sqrt(2.5 / 4) / math.sqrt(5) * 0.005 * 3  # of cbam, the third after the baseline
    interval = [1.3 * math.exp(-half), 1.3 * math.exp(half)]
    assert ratios.loc[("cbam", 64)].to_list() == pytest.approx([1.3, *interval, 30, 5])
    steps = table(full, "training_step")
    assert (steps["batch_size"] == full.study.recipe.batch_size).all()
    interval = [1.9 * math.exp(-3 * half), 1.9 * math.exp(3 * half)]
    assert steps.loc["cbam", ["ratio", "ratio_low", "ratio_high"]].to_list() == pytest.approx([1.9, *interval])


def test_environments_are_listed_with_their_seeds_the_most_frequent_first(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    for variant in made.study.variants:
        other = made.run(variant, 0).identity.environment.model_copy(update={"processor": "Other CPU"})
        made.change(variant, 0, identity={"environment": other})
    analyse(made.study, made.paths)
    environments = pd.read_csv(made.paths.tables / "environment.csv", dtype=str)
    assert environments[["n", "seeds"]].to_numpy().tolist() == [["4", "1 2"], ["2", "0"]]
    assert environments.loc[1, "processor"] == "Other CPU"


def test_every_table_is_of_the_complete_seeds(make: Any) -> None:
    made = make(variants=["baseline", "se", "constant"], controls={"se": {"constant": "constant"}})
    made.paths.record("se", 1).unlink()
    analyse(made.study, made.paths)
    for path in made.paths.tables.iterdir():
        frame = pd.read_csv(path)
        if "seed" in frame:
            assert set(frame["seed"]) == ({1} if path.stem == "left_out" else {0, 2}), path.stem
        elif "n" in frame and path.stem != "environment":
            assert set(frame["n"]) == {2}, path.stem
    assert table(made, "accuracy").loc["baseline", "mean"] == pytest.approx(0.71)
    assert table(made, "accuracy").loc["baseline", "std"] == pytest.approx(2**0.5 * 0.01)


def test_learning_has_one_row_per_run_and_epoch_in_percent(full: Any) -> None:
    learning = pd.read_csv(full.paths.tables / "learning.csv")
    assert list(learning) == [
        "variant", "seed", "epoch", "train_loss", "train_accuracy", "validation_loss", "validation_accuracy",
    ]  # fmt: skip
    assert len(learning) == 8 * 3 * 4
    run = learning[(learning["variant"] == "se") & (learning["seed"] == 2)]
    assert run["epoch"].to_list() == [1, 2, 3, 4]
    assert run["train_loss"].to_list() == pytest.approx([1.5, 0.75, 0.5, 0.375])
    assert run["validation_accuracy"].to_list() == pytest.approx([52, 57, 62, 67])


def test_the_overview_has_one_row_per_variant(full: Any) -> None:
    overview = table(full, "overview")
    assert overview.loc["cbam"].to_dict() == pytest.approx(
        {
            "accuracy": 73.0,
            "std": 100 * np.std([0.75, 0.70, 0.74], ddof=1),
            "parameters": 1_150_914,
            "macs": 12_180_000,
            "latency_ratio_1": 1.3,
            "latency_ratio_64": 1.3,
        }
    )
    assert list(overview.index) == list(full.study.variants)


def test_the_summary_is_in_percent_and_leaves_out_what_is_undefined(full: Any) -> None:
    summary = json.loads(full.paths.summary.read_text())
    assert summary["baseline"] == {"accuracy": 71.0}
    assert summary["sam"] == {"accuracy": 71.0, "difference": 0.0, "verdict": "inconclusive"}
    assert summary["se"]["accuracy"] == 74.0


def test_equal_records_give_equal_bytes(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    analyse(made.study, made.paths)
    before = {path: path.read_bytes() for path in [*made.paths.tables.iterdir(), made.paths.summary]}
    analyse(made.study, made.paths)
    assert {path: path.read_bytes() for path in before} == before
    assert len(before) == 28


def test_csv_floats_are_stable(full: Any) -> None:
    texts = [path.read_text() for path in full.paths.tables.glob("*.csv")]
    numbers = re.findall(r"(?<![\w.])-?\d+\.\d+(?![\w.])", " ".join(texts))
    assert max(len(text.strip("-0.").replace(".", "")) for text in numbers) <= 10


def test_nothing_is_written_when_no_seed_is_complete(make: Any) -> None:
    made = make(seeds=1)
    made.paths.record("se", 0).unlink()
    with pytest.raises(UserError, match="se-0"):
        analyse(made.study, made.paths)
    assert not made.paths.report.exists()
