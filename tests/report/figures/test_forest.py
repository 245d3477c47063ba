import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex

from attnbench.report.figures import forest, style

MINUS = "\N{MINUS SIGN}"
# the rows from above
LABELS = ["cbam", "se", f"cbam {MINUS} constant", f"cbam {MINUS} wide", "constant"]


def draw(comparisons, kinds, **changes):
    pairs = comparisons[["variant", "reference"]]
    seeds = [pairs.assign(seed=seed, difference=comparisons["difference"] + 0.001 * seed) for seed in (0, 1)]
    return forest.forest(comparisons.assign(**changes), pd.concat(seeds), kinds=kinds, confidence=0.95, margin=0.5)


def test_rows_are_sorted_in_bands_with_interval_verdict_and_seeds(comparisons, kinds):
    figure = draw(comparisons, kinds)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == LABELS
    assert [text.get_text() for text in ax.texts] == [
        forest.MODULES,
        forest.NULL_CONTROLS,
        forest.WIDER,
        forest.CONTROLS,
    ]
    better = next(line for line in ax.lines if line.get_label() == "better")
    np.testing.assert_allclose(better.get_xydata(), [(0.9, 1), (1.7, 4)])
    assert better.get_color() == style.BLUE
    intervals = [lines for lines in ax.collections if isinstance(lines, LineCollection)]
    ends = next(lines for lines in intervals if to_hex(lines.get_color()[0]).upper() == style.BLUE)
    np.testing.assert_allclose(ends.get_segments()[0], [(0.6, 1), (1.2, 1)])
    seeds = next(points for points in ax.collections if points.get_label() == "one seed").get_offsets()
    np.testing.assert_allclose(seeds[seeds[:, 1] == 1.3, 0], [0.9, 1.0])
    assert len(seeds) == 2 * 5
    numbers = [label.get_text() for label in ax.child_axes[0].get_yticklabels()]
    assert numbers[4] == f"{MINUS}0.80  [{MINUS}1.10, {MINUS}0.50]"


def test_ends_are_rounded_outwards_as_in_the_tables(comparisons, kinds):
    figure = draw(comparisons, kinds, low=comparisons["low"] - 0.000012)
    assert figure.axes[0].child_axes[0].get_yticklabels()[0].get_text() == "+0.90  [+0.59, +1.20]"


def test_the_legend_has_what_occurs(comparisons, kinds):
    texts = [text.get_text() for text in draw(comparisons, kinds).legends[0].get_texts()]
    assert texts == ["within 0.5 points", "one seed", "better", "worse", "equivalent", "inconclusive"]
    texts = [text.get_text() for text in draw(comparisons, kinds, verdict="inconclusive").legends[0].get_texts()]
    assert texts == ["within 0.5 points", "one seed", "inconclusive"]


def test_one_seed_has_no_interval(comparisons, kinds):
    numbers = draw(comparisons, kinds, low=np.nan, high=np.nan).axes[0].child_axes[0].get_yticklabels()
    assert numbers[0].get_text() == "+0.90"


@pytest.mark.parametrize("verdict", style.VERDICTS)
def test_each_verdict_has_a_marker_of_its_own(verdict):
    assert [marker for _, marker in style.VERDICTS.values()].count(style.VERDICTS[verdict][1]) == 1


def test_networks_without_attention_have_a_band_of_their_own(comparisons, kinds):
    figure = draw(comparisons, kinds | {"constant": "no attention"})
    assert [text.get_text() for text in figure.axes[0].texts][-1] == forest.OTHERS


def test_every_study_has_a_panel_and_those_of_the_same_images_share_an_axis_the_sharpest_first():
    rows = [
        ("one", "se", "photos", "attention", 1, 1, "cnn", 0.01, None, None, "inconclusive", None),
        ("coarse", "se", "drawings", "attention", 3, 4, "cnn", 0.01, -0.02, 0.04, "inconclusive", None),
        ("coarse", "constant", "drawings", "null control", 3, 4, "cnn", 0.0, -0.03, 0.03, "inconclusive", None),
        ("sharp", "se", "photos", "attention", 5, 12, "cnn", 0.001, -0.001, 0.003, "inconclusive", 0.003),
        ("sharp", "sam", "photos", "attention", 5, 12, "cnn", 0.004, 0.002, 0.006, "better", 0.003),
    ]
    names = ["study", "variant", "images", "kind", "n", "epochs", "network"]
    names += ["difference", "low", "high", "verdict", "margin"]
    figure = forest.of_studies(pd.DataFrame(rows, columns=names).to_csv(index=False))
    assert [ax.texts[0].get_text() for ax in figure.axes] == [
        "sharp: photos, cnn, 5 seeds, 12 epochs",
        "one: photos, cnn, 1 seed, 1 epoch",
        "coarse: drawings, cnn, 3 seeds, 4 epochs",
    ]
    variants = [[label.get_text() for label in ax.get_yticklabels()] for ax in figure.axes]
    assert variants == [["sam", "se"], ["se"], ["se"]]
    sharp, one, coarse = (ax.get_xlim() for ax in figure.axes)
    assert sharp == one
    assert one[1] < 2 < coarse[1]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["better", "inconclusive"]
