"""The section on the truth of the maps: each sentence follows from its numbers."""

import pandas as pd
from made_inputs import INTERVALS, made_inputs

from attnbench.report.inputs import Inputs
from attnbench.report.render import render


def section(made: Inputs, document: str = "REPORT.md", heading: str = "## Are the maps faithful?") -> str:
    text = render(made, document, {}).partition(heading)[2].partition("\n## ")[0]
    return " ".join(text.split())


def decide(frame: pd.DataFrame, verdict: str, **values: str) -> None:
    """Give a verdict to the rows of a table in which columns have these values."""
    rows = (frame[list(values)] == list(values.values())).all(axis=1)
    assert rows.any()
    frame.loc[rows, ["difference", "low", "high"]] = INTERVALS[verdict]
    frame.loc[rows, "verdict"] = verdict


def test_what_is_decided_is_said_of_the_variants_that_it_holds_for() -> None:
    made = made_inputs({"se": "better", "cbam": "better", "constant": "worse"})
    controls = made.tables["map_controls"]
    for name in ("se", "baseline"):
        decide(controls, "better", block="block2", variant=name, control="random")
    decide(controls, "better", block="block1", variant="cbam", control="random")
    decide(controls, "better", block="block2", variant="cbam", control="random", measure="deletion")
    decide(controls, "worse", block="block2", variant="cbam", control="centre", measure="insertion")
    decide(controls, "inconclusive", measure="precision")
    decide(controls, "better", block="block2", variant="cbam", measure="precision", control="centre")
    decide(controls, "worse", block="block2", variant="se", measure="precision", control="centre")
    decide(controls, "better", block="block2", measure="precision", control="area")
    gates = made.tables["gate_controls"]
    decide(gates, "inconclusive", measure="precision")
    decide(gates, "worse", variant="se", measure="precision")
    decide(gates, "better", variant="constant", measure="precision")
    decide(made.tables["maps_comparisons"], "better", block="block2", variant="se", measure="deletion")
    decide(made.tables["maps_comparisons"], "better", block="block1", variant="se", measure="insertion")
    text = section(made)
    assert "Grad-CAM is better than random maps in both curves for `baseline` and `se`." in text
    assert (
        "Grad-CAM is worse than a Gaussian in the centre, which sees no image, in one or both curves for `cbam`."
        in text
    )
    detector = "As a detector of the object's pixels Grad-CAM is better than that Gaussian for `cbam`, and worse than"
    of_modules = "Spatial gates of modules that are better detectors than a constant map: 0 of 2; worse: 1."
    assert (
        f"{detector} that Gaussian for `se`. {of_modules} Spatial gates of null controls, which see no image," in text
    )
    assert "than a constant map: 1 of 1; worse: 0. At shallower" in text
    assert "Grad-CAM is better than a constant map for all 4 variants." in text
    decide(controls, "inconclusive", measure="precision")
    undecided = section(made)
    for control in ("a constant map", "that Gaussian"):
        assert f"No difference in average precision to {control} is decided." in undecided
    assert "in both curves for 1 of 4 variants at `block1`." in text
    assert "Deletion, against the baseline: better for `se`." in text
    assert "Insertion, against the baseline: no difference is decided." in text
    assert "| `se` | 10.00 | +2.00 [+1.00, +3.00] | 10.00 | +0.50 [-1.00, +2.00] |" in text
    assert "`constant`" not in text
    assert "scores 15.0 %, a Gaussian in the centre 30.0 %" in text
    details = section(made, "DETAILS.md", "## Maps under test")
    assert "| `constant` | gate of block1.after_pool" in details
    assert "| gate of block1.after_pool | `se` | +0.50 [-1.00, +2.00] inconclusive | " in details


def test_two_variants_with_equal_maps_are_not_divided_by() -> None:
    made = made_inputs({"se": "better"})
    assert "another seed changes a map 1.20 times as much as another variant" in section(made)
    made.tables["map_agreement_test"]["same_seed"] = 1.0
    assert "times as much as another variant" not in section(made)


def test_better_maps_of_null_controls_are_said_and_modules_that_are_better_than_these() -> None:
    made = made_inputs({"se": "better", "cbam": "better", "constant": "better"})
    compared = made.tables["maps_comparisons"]
    of_se = compared[compared["variant"] == "se"].assign(reference="constant", kind="constant")
    compared = made.tables["maps_comparisons"] = pd.concat([compared, of_se], ignore_index=True)
    decide(compared, "better", block="block2", variant="se", kind="baseline", measure="insertion")
    assert "Maps get better without attention" not in section(made)
    decide(compared, "better", block="block2", variant="constant", kind="baseline", measure="deletion")
    text = section(made)
    counts = (
        "Better than the baseline, of 1 null control: 1 in deletion, none in insertion and none in average precision"
    )
    assert f"**Maps get better without attention as well.** {counts} on objects. No module is better" in text
    decide(compared, "better", block="block2", variant="se", reference="constant", measure="deletion")
    assert "No module is better than all its null controls" in section(made)  # not in the measure in which it gains
    decide(compared, "better", block="block2", variant="se", reference="constant", measure="insertion")
    assert "`se` is also better than every null control of its own." in section(made)


def test_pictures_prove_nothing_unless_seeds_agree_more_than_variants() -> None:
    made = made_inputs({"se": "better"})
    text = section(made)
    floor = "p = 0.001, the least that 999 random assignments can give"
    assert f"agree more than those of two variants (rank correlation 0.400 against 0.250, {floor}), so on" in text
    pictures_alone = "alone, which may be the seed's, proves nothing about their modules.**"
    assert pictures_alone in text
    seed_against_module = "agree by 0.500: by 1 minus the correlation, another seed changes a map 1.20 times as much as"
    assert seed_against_module in text
    made.tables["map_agreement_test"]["same_seed"] = 0.3  # less than the 0.4 of two seeds
    text = section(made)
    assert "another seed changes a map 0.86 times as much" in text
    assert "proves nothing" not in text
    made = made_inputs({"se": "better"})
    made.tables["map_agreement_test"]["p"] = 0.051
    text = section(made)
    assert "**Maps of two seeds of one variant agree no more than those of two variants**" in text
    assert (
        "(rank correlation 0.400 against 0.250, p = 0.051): a difference between two of these pictures proves nothing"
        in text
    )
    assert seed_against_module in text
    assert pictures_alone not in text  # it is said above
    assert "One seed cannot tell" in section(made_inputs({"se": "better"}, seeds=1))


def test_data_without_masks_have_no_scores_on_objects() -> None:
    made = made_inputs({"se": "better"})
    for name in ("maps", "maps_comparisons"):
        frame = made.tables[name]
        made.tables[name] = frame[~frame["measure"].isin(["energy", "pointing", "precision"])]
    for name in ("map_objects", "gate_controls"):
        made.tables[name] = made.tables[name].iloc[:0]
    assert "object" not in section(made)
    assert "object" not in section(made, "DETAILS.md", "## Maps under test")
