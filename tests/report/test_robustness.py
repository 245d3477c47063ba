"""The section about corrupted images: its numbers, verdicts and figure."""

from made_inputs import INTERVALS, made_inputs

from attnbench.report import robustness
from attnbench.report.figures import robustness as figures
from attnbench.report.inputs import Inputs
from attnbench.report.render import render


def inputs(verdict: str, measure: str, **changes: object) -> Inputs:
    """Return inputs in which `se` has a verdict on one measure."""
    made = made_inputs({"se": "better", "constant": "worse"}, **changes)
    frame = made.tables["robustness_comparisons"]
    row = (frame["measure"] == measure) & (frame["variant"] == "se")
    frame.loc[row, ["difference", "low", "high"]] = INTERVALS[verdict]
    frame.loc[row, "verdict"] = verdict
    return made


def test_the_section_has_numbers_and_verdicts_of_all_but_null_controls() -> None:
    made = inputs("better", "corrupted")
    frame = made.tables["robustness_comparisons"]
    frame.loc[frame["variant"] == "constant", "verdict"] = "worse"
    text = render(made, "REPORT.md", {}).partition("## Robustness")[2].partition("\n## ")[0]
    assert "400 test images, each corrupted once in every way" in text
    assert "| `se` | 60.00 ± 1.00 | +2.00 [+1.00, +3.00] | better |" in " ".join(text.split())
    assert "`constant`" not in text
    assert (
        "Accuracy on corrupted images: better for `se`. No difference in loss of accuracy by corruption, calibration "
        "error, Brier score or negative log-likelihood is decided." in text
    )
    assert "| `constant` |" in render(made, "DETAILS.md", {}).partition("## Robustness")[2].partition("\n## ")[0]


def test_the_margin_is_that_of_accuracies_alone() -> None:
    assert (
        "equivalent within 0.5"
        in robustness.all_tables(inputs("equivalent", "loss", margin=0.5))["robustness_measures"]["Loss, difference"][1]
    )
    ece = robustness.all_tables(inputs("better", "ece", margin=0.5))["robustness"]
    assert ece["ECE, difference in points"][1] == "+2.00 [+1.00, +3.00] better"


def test_the_figure_has_a_row_per_variant_and_the_accuracy_of_the_baseline() -> None:
    made = inputs("better", "corrupted")
    table = made.tables["corruptions"]
    table.loc[(table["variant"] == "se") & (table["corruption"] == "jpeg"), "mean"] += 0.031
    ax = figures.corruptions(table, kinds={"baseline": "baseline", "se": "attention", "constant": "null control"}).axes[
        0
    ]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["se"]
    assert [label.get_text() for label in ax.get_xticklabels()][4] == "JPEG\n60.0 %"
    assert [text.get_text() for text in ax.texts] == [*["0.0"] * 4, "+3.1", "0.0", "0.0"]
