"""Corrupted images and calibration: numbers that are known from the way the study was made up."""

from typing import Any

import pandas as pd
import pytest

from attnbench import records
from attnbench.analyse import analyse, comparisons, statistics
from attnbench.errors import UserError
from attnbench.records import RobustnessRecord


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """All eight variants and three seeds, with a margin and a control, analysed; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("full"), margin=0.5, comparisons=[["cam", "se"]])
    analyse(made.study, made.paths)
    return made


def test_measures_are_compared_by_the_rule_of_accuracies(full: Any) -> None:
    means = pd.read_csv(full.paths.tables / "robustness.csv").set_index(["measure", "variant"])
    frame = pd.read_csv(full.paths.tables / "robustness_comparisons.csv")
    accuracy = pd.read_csv(full.paths.tables / "comparisons.csv")
    assert means.loc[("corrupted", "cbam")].to_list() == pytest.approx([0.73 - 0.06, 0.0264575], abs=1e-6)
    assert means.loc[("loss", "se"), "mean"] == pytest.approx(0.06)
    columns = ["difference", "low", "high"]
    corrupted, ece = frame[frame["measure"] == "corrupted"], frame[frame["measure"] == "ece"]
    assert corrupted[["variant", "reference", "kind"]].to_numpy().tolist()[-1] == ["cam", "se", "declared"]
    # corrupted accuracy is the accuracy less 0.06, and the ECE 0.9 less the accuracy
    assert corrupted[columns].to_numpy() == pytest.approx(accuracy[columns].to_numpy(), nan_ok=True)
    assert corrupted["verdict"].to_list() == accuracy["verdict"].to_list()
    assert ece["difference"].to_numpy() == pytest.approx(-accuracy["difference"].to_numpy())
    assert ece[["low", "high"]].to_numpy() == pytest.approx(-accuracy[["high", "low"]].to_numpy(), nan_ok=True)


def test_a_lower_error_is_better_and_no_margin_applies_to_it(full: Any) -> None:
    frame = pd.read_csv(full.paths.tables / "robustness_comparisons.csv")
    errors = [
        [-records.read(full.paths.robust(variant, seed), RobustnessRecord).calibration.ece for seed in range(3)]
        for variant in full.study.variants
    ]
    without_margin = statistics.block_comparisons(errors, comparisons.contrasts(full.study), 0.95)
    ece = frame[frame["measure"] == "ece"]
    assert ece["verdict"].to_list() == [comparison.verdict for comparison in without_margin]
    assert "worse" in ece["verdict"].to_list()
    assert (ece.loc[ece["verdict"] == "worse", "low"] > 0).all()


def test_every_corruption_and_severity_has_its_mean(full: Any) -> None:
    frame = pd.read_csv(full.paths.tables / "corruptions.csv")
    assert len(frame) == 8 * 7 * 5
    assert set(frame["images"]) == {80}
    row = frame[(frame["variant"] == "se") & (frame["corruption"] == "jpeg") & (frame["severity"] == 3)]
    assert row["mean"].to_list() == pytest.approx([0.74 - 0.06])


def test_a_record_of_other_weights_and_a_missing_one_are_refused(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    path = made.paths.robust("se", 1)
    old = records.read(path, RobustnessRecord)
    records.write(path, old.model_copy(update={"checkpoint_sha256": "0" * 64}))
    with pytest.raises(UserError, match=r"se-1\.json was made from other weights than .*: .*:robustness@se-1"):
        analyse(made.study, made.paths)
    path.unlink()
    with pytest.raises(UserError, match=r"se-1\.json is missing\. Make what is missing with: .*:robustness@se-1"):
        analyse(made.study, made.paths)
