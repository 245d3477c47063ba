"""Scores of maps: numbers that are known from the way the study was made up."""

import base64
from typing import Any

import numpy as np
import pandas as pd
import pytest

from attnbench import records
from attnbench.analyse import analyse, maps
from attnbench.errors import UserError
from attnbench.records import MapsRecord
from attnbench.records.maps import StoredMaps


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory, make_in: Any) -> Any:
    """All eight variants and three seeds, analysed; changed by no test."""
    made = make_in(tmp_path_factory.mktemp("full"))
    analyse(made.study, made.paths)
    return made


def read(made: Any) -> list[MapsRecord]:
    return [records.read(made.paths.map_scores(*run), MapsRecord) for run in made.study.runs()]


def test_gains_are_compared_by_the_rule_of_accuracies(full: Any) -> None:
    means = pd.read_csv(full.paths.tables / "maps.csv").set_index(["block", "measure", "variant"])["mean"]
    compared = pd.read_csv(full.paths.tables / "maps_comparisons.csv")
    frame = compared[compared["block"] == "block2"].set_index("measure")
    accuracy = pd.read_csv(full.paths.tables / "comparisons.csv")
    assert means["block2", "deletion", "se"] == pytest.approx(0.9 - 0.74)
    assert means["block2", "insertion", "se"] == pytest.approx(0.4 - 0.3)
    assert means["block1", "deletion", "se"] == 0
    columns = ["difference", "low", "high"]
    # what an accuracy gains, deletion loses; infidelity is 1 - accuracy, and a lower one is better
    assert frame.loc["deletion", "difference"].to_numpy() == pytest.approx(-accuracy["difference"].to_numpy())
    assert frame.loc["precision", columns].to_numpy() == pytest.approx(accuracy[columns].to_numpy(), nan_ok=True)
    assert frame.loc["infidelity", "verdict"].to_list() == accuracy["verdict"].to_list()
    assert means["block1", "untrained", "se"] == pytest.approx(0.01)  # the correlation is -0.01


def test_grad_cam_is_compared_with_both_controls(full: Any) -> None:
    rows = pd.read_csv(full.paths.tables / "map_controls.csv").set_index(["block", "measure", "control", "variant"])
    assert rows.loc[("block2", "deletion", "centre", "se"), "difference"] == pytest.approx(0.2 - 0.74)
    assert rows.loc[("block2", "deletion", "centre", "se"), "verdict"] == "worse"
    assert rows.loc[("block2", "deletion", "random", "se"), "verdict"] == "better"
    assert rows.loc[("block1", "deletion", "random", "se"), "difference"] == 0
    curves = pd.read_csv(full.paths.tables / "map_curves.csv").set_index(["variant", "block", "map"])
    assert curves.loc[("se", "block2", "grad_cam"), "deletion"] == pytest.approx(0.74)
    assert curves.loc[("se", "block1", "centre"), "deletion"] == pytest.approx(0.2)
    assert rows.loc[("block2", "precision", "centre", "se"), "difference"] == pytest.approx(0.74 - 0.5)
    record = next(record for record in read(full) if record.variant == "se")
    assert record.scores.objects is not None
    area = record.scores.objects.area
    for measure, score in (("energy", 0.2), ("pointing", 0.5), ("precision", 0.74)):
        assert rows.loc[("block2", measure, "area", "se"), "difference"] == pytest.approx(score - area)
    gates = pd.read_csv(full.paths.tables / "gate_controls.csv").set_index(["slot", "variant", "measure"])
    assert gates.loc[("block1.after_pool", "se", "precision"), "difference"] == pytest.approx(0.74 - area)
    # each measure is a family: energy and pointing do not vary here, and have no interval of the spread of precision
    over_area = rows.xs("area", level="control").groupby("measure")["low"]
    assert over_area.count().to_dict() == {"energy": 0, "pointing": 0, "precision": 16}
    assert gates["low"].notna().groupby("measure").any().to_dict() == {
        "energy": False,
        "pointing": False,
        "precision": True,
    }
    objects = pd.read_csv(full.paths.tables / "map_objects.csv").set_index(["variant", "map"])
    assert objects.loc[("se", "block1.after_pool"), "precision"] == pytest.approx(0.74)
    assert objects.loc[("se", "block1.after_pool"), "precision_std"] == pytest.approx(0.00995, abs=1e-5)


def test_agreement_is_that_of_other_runs(full: Any) -> None:
    frame = pd.read_csv(full.paths.tables / "map_agreement.csv").set_index("variant")
    test = pd.read_csv(full.paths.tables / "map_agreement_test.csv").iloc[0]
    arrays = {(r.variant, r.seed): r.scores.maps.array()[0].ravel().astype(float) for r in read(full)}

    def correlation(first: tuple[str, int], second: tuple[str, int]) -> float:
        return float(np.corrcoef(arrays[first], arrays[second])[0, 1])  # the values are ranks

    pairs = [(s, t) for s in range(3) for t in range(3) if s != t]
    others = [name for name in full.study.variants if name != "se"]
    assert frame.loc["se"].to_list() == pytest.approx(
        [
            np.mean([correlation(("se", s), ("se", t)) for s, t in pairs]),
            np.mean([correlation(("se", s), (name, t)) for s, t in pairs for name in others]),
            np.mean([correlation(("se", s), (name, s)) for s in range(3) for name in others]),
        ]
    )
    assert test[["same_variant", "other_variant", "same_seed"]].to_list() == pytest.approx(frame.mean().to_list())
    assert test["p"] == 0.001  # of 999 random assignments, none has seeds that agree as much


def test_maps_that_are_those_of_the_seed_are_no_sign_of_the_variant(make: Any) -> None:
    made = make()
    random = np.random.default_rng(0)
    of_seed = [random.permutation(64).astype(np.uint8).tobytes() for _ in range(3)]
    changed = []
    for record in read(made):
        stored = StoredMaps(images=1, values=base64.b64encode(of_seed[record.seed]))
        scores = record.scores.model_copy(update={"maps": stored})
        changed.append(record.model_copy(update={"scores": scores}))
    (test,) = maps.frames(made.study, changed)["map_agreement_test"].to_dict("records")
    assert test["same_seed"] == pytest.approx(1)
    assert test["same_variant"] == pytest.approx(test["other_variant"])
    assert test["p"] == 1


def test_one_seed_has_no_agreement_of_seeds(make: Any) -> None:
    made = make(seeds=1)
    (test,) = maps.frames(made.study, read(made))["map_agreement_test"].to_dict("records")
    assert np.isnan([test["same_variant"], test["other_variant"], test["p"]]).all()
    assert not np.isnan(test["same_seed"])


def test_a_record_of_other_images_or_weights_is_refused(make: Any) -> None:
    made = make(variants=["baseline", "se"])
    path = made.paths.map_scores("se", 1)
    old = records.read(path, MapsRecord)
    (name, block), *_ = old.scores.blocks.items()
    assert old.scores.objects is not None
    centre = old.scores.objects.centre
    without = {own: of_own.model_copy(update={"objects": None}) for own, of_own in old.scores.blocks.items()}
    cases = {
        "a number of images of 300, but that of baseline-0 has": {"images": 300},
        rf"the blocks \['{name}'\], but that of baseline-0 has \['{name}', ": {"blocks": {name: block}},
        "a mean area of objects of None, but": {"objects": None, "blocks": without},
        "spatial gates in the slots": {"objects": old.scores.objects.model_copy(update={"gates": {"other": centre}})},
    }
    for words, scores in cases.items():
        records.write(path, old.model_copy(update={"scores": old.scores.model_copy(update=scores)}))
        with pytest.raises(UserError, match=rf"se-1\.json has {words}.*:maps@se-1"):
            analyse(made.study, made.paths)
    records.write(path, old.model_copy(update={"checkpoint_sha256": "0" * 64}))
    with pytest.raises(UserError, match=r"se-1\.json was made from other weights than .*: .*:maps@se-1"):
        analyse(made.study, made.paths)
