import numpy as np
import pandas as pd
import pytest

from attnbench.report.figures import forest, style

TITLE = "Test accuracy against baseline: CIFAR-10, JPEG quality 75"
MINUS = "\N{MINUS SIGN}"


@pytest.fixture
def differences() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means and intervals, and the differences of the seeds: cbam excludes zero, and is inconclusive nevertheless."""
    rows = [
        ("se", 0.001, -0.004, 0.006, "inconclusive"),
        ("cbam", -0.008, -0.011, -0.005, "inconclusive"),
        ("cam", 0.009, 0.006, 0.012, "better"),
    ]
    seeds = [(name, seed, mean + 0.001 * (seed - 1)) for name, mean, *_ in rows for seed in range(3)]
    return (
        pd.DataFrame(rows, columns=["variant", "mean", "low", "high", "verdict"]),
        pd.DataFrame(seeds, columns=["variant", "seed", "difference"]),
    )


def draw(differences, reference="the baseline", **changes):
    means, seeds = differences
    return forest.difference_forest(means.assign(**changes), seeds, confidence=0.95, title=TITLE, reference=reference)


def numbers(figure):
    return [label.get_text() for label in figure.axes[0].child_axes[0].get_yticklabels()]


def test_rows_are_sorted_with_interval_mean_and_seeds(differences):
    figure = draw(differences)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cbam", "se", "cam"]  # from below
    zero, interval, mean, seeds, *rest = ax.lines
    assert list(zero.get_xdata()) == [0, 0]
    np.testing.assert_allclose(interval.get_xdata(), [-1.1, -0.5])
    np.testing.assert_allclose(mean.get_xdata(), [-0.8])
    np.testing.assert_allclose(seeds.get_xdata(), [-0.9, -0.8, -0.7])
    assert len(rest) == 2 * 3
    assert figure.get_suptitle() == TITLE
    assert "95 % interval" in figure.legends[0].get_texts()[0].get_text()


def test_rows_are_coloured_by_verdict_not_by_interval(differences):
    """An interval is that of one comparison; the verdict takes all of them into account."""
    colours = [line.get_color() for line in draw(differences).axes[0].lines[1::3]]
    assert colours == [style.GREY, style.GREY, style.BLUE]  # cbam, se, cam


def test_numbers_are_written_next_to_the_rows(differences):
    assert numbers(draw(differences))[0] == f"{MINUS}0.80  [{MINUS}1.10, {MINUS}0.50]"


def test_one_seed_has_no_interval(differences):
    assert numbers(draw(differences, low=np.nan, high=np.nan))[2] == "+0.90"


def test_the_axis_names_what_a_variant_is_compared_with(differences):
    label = draw(differences, reference="the wider network").axes[0].get_xlabel()
    assert label.endswith("(right: better than the wider network)")
