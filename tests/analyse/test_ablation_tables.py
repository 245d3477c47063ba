"""Frozen and shuffled gates: numbers that are known from the way the study was made up."""

from typing import Any

import pandas as pd
import pytest

from attnbench import records
from attnbench.analyse import analyse
from attnbench.analyse.statistics import change_comparisons
from attnbench.errors import UserError
from attnbench.records import AblationRecord


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """All eight variants and three seeds, analysed; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("full"))
    analyse(made.study, made.paths)
    return made


def test_differences_are_to_the_accuracy_as_trained_and_paired(full: Any) -> None:
    frame = pd.read_csv(full.paths.tables / "ablation.csv").set_index("variant")
    assert list(frame.index) == [name for name in full.study.variants if name != "baseline"]
    cbam = frame.loc["cbam"]
    gated = [name for name in full.study.variants if name != "baseline"]
    changes = [[_changes(full, name, kind) for kind in ("frozen", "shuffled")] for name in gated]
    shuffled = change_comparisons(changes, 0.95)[gated.index("cbam")][1]
    assert cbam[["accuracy", "frozen_mean", "shuffled_mean"]].to_list() == pytest.approx([0.73, 0.02 / 3, 0.04 / 3])
    assert cbam[["shuffled_low", "shuffled_high"]].to_list() == pytest.approx([shuffled.low, shuffled.high], rel=1e-6)
    assert frame.loc["eca", ["frozen_mean", "frozen_std", "frozen_verdict"]].to_list() == [0, 0, "inconclusive"]
    assert frame.loc["eca", ["frozen_low", "frozen_high"]].isna().all()
    # slots have 2 and 4 units, 0 and 1 of them dead
    assert cbam[["factor", "factor_spread", "saturated", "dead"]].to_list() == pytest.approx([0.25, 0.15, 0.03, 1 / 6])
    assert frame.loc["sam", ["factor", "factor_spread", "saturated", "dead"]].isna().all()


def _changes(made: Any, variant: str, kind: str) -> list[float]:
    """Return what a kind of ablation changes, for every seed."""
    ablations = [records.read(made.paths.ablation(variant, seed), AblationRecord) for seed in made.study.seeds]
    return [getattr(record, f"{kind}_accuracy") - record.accuracy for record in ablations]


def test_slots_have_a_row_for_each_quantity(full: Any) -> None:
    frame = pd.read_csv(full.paths.tables / "ablation_slots.csv").set_index(["variant", "slot"])
    cbam = frame.loc[("cbam", "block2.after_pool")]
    assert cbam["quantity"].to_list() == ["channel", "spatial"]
    assert cbam["spread"].to_list() == pytest.approx([0.2, 0.2])
    assert cbam["dead"].to_list() == [0.25, 0.25]
    assert frame.loc["sam", "quantity"].to_list() == ["term", "term"]


def test_a_record_of_other_weights_and_a_missing_one_are_refused(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    path = made.paths.ablation("se", 1)
    old = records.read(path, AblationRecord)
    records.write(path, old.model_copy(update={"checkpoint_sha256": "0" * 64}))
    with pytest.raises(
        UserError, match=r"se-1\.json was made from other weights than .*make it again with: .*ablate@se-1"
    ):
        analyse(made.study, made.paths)
    records.write(path, old.model_copy(update={"seed": 2}))
    with pytest.raises(UserError, match="belongs to run se-2 of study 'made_up', not to run se-1"):
        analyse(made.study, made.paths)
    records.write(path, old.model_copy(update={"slots": old.slots[:1]}))
    with pytest.raises(UserError, match=r"se-1\.json has other slots than the other seeds of 'se'"):
        analyse(made.study, made.paths)
    records.write(path, old.model_copy(update={"frozen_accuracy": None}))
    with pytest.raises(UserError, match=r"se-1\.json is that of a network without modules, which 'se' has"):
        analyse(made.study, made.paths)
    path.unlink()
    with pytest.raises(UserError, match=r"se-1\.json is missing\. Make what is missing with: dvc repro .*:ablate@se-1"):
        analyse(made.study, made.paths)
    assert not made.paths.report.exists()
