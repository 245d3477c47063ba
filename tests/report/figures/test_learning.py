import numpy as np
import pandas as pd
import pytest

from attnbench.report.figures import learning, style


@pytest.fixture
def epochs(kinds) -> pd.DataFrame:
    rows = [
        (variant, seed, epoch, 30.0 + epoch, 40 + 5 * epoch + seed + 9 * (variant == "se"))
        for variant in kinds
        for seed in range(3)
        for epoch in range(1, 6)
    ]
    return pd.DataFrame(rows, columns=["variant", "seed", "epoch", "train_accuracy", "validation_accuracy"])


def lines(ax, colour) -> list[list[float]]:
    return [list(line.get_ydata()) for line in ax.lines if line.get_color() == colour and len(line.get_ydata())]


def test_training_and_validation_share_an_axis_and_differences_are_to_the_baseline(epochs, kinds):
    figure = learning.learning(epochs, kinds=kinds)
    accuracy, difference = figure.axes
    assert lines(accuracy, style.BLACK) == [[46, 51, 56, 61, 66], [31, 32, 33, 34, 35]]
    assert lines(difference, style.PALETTE[0]) == [[9.0] * 5]  # se
    assert len(lines(difference, style.LIGHT)) == 2
    assert not lines(accuracy, style.PALETTE[0])
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["baseline", "se", "cbam", "others without attention"]


def test_more_modules_than_colours_are_grey():
    kinds = {"none": "baseline", **{f"module{index}": "attention" for index in range(30)}}
    colours = list(style.line_colours(kinds).values())
    assert colours[-1] == style.BLACK  # drawn last, above the others
    assert [colours.count(colour) for colour in (style.LIGHT, *style.PALETTE)] == [22, *[1] * 8]


def test_loss_is_the_mean_over_the_seeds_and_smoothed_by_an_exponential_mean(kinds):
    stream, steps = np.random.default_rng(0), np.arange(1, 1001)
    runs = [
        pd.DataFrame({"variant": variant, "seed": seed, "step": steps, "loss": stream.random(1000)})
        for variant in kinds
        for seed in range(2)
    ]
    frame = learning.smoothed(pd.concat(runs, ignore_index=True))
    loss = (runs[2]["loss"] + runs[3]["loss"]) / 2  # of se
    shown = frame[frame["variant"] == "se"].set_index("step")
    assert len(shown) == learning.POINTS
    weights = (1 - 2 / (20 + 1)) ** np.arange(1000)[::-1]  # a span of 20: one fiftieth of 1000 steps
    assert shown.loc[1000, "smoothed"] == pytest.approx(np.average(loss, weights=weights))
    assert shown.loc[1, "loss"] == pytest.approx(loss[0])
    assert "smoothed over 20 steps" in learning.training_loss(pd.concat(runs), kinds=kinds).axes[0].get_ylabel()


def test_first_epochs_with_large_differences_are_left_out_and_it_says_so(epochs, kinds):
    first = (epochs["variant"] == "se") & (epochs["epoch"] == 1)
    epochs.loc[first, "validation_accuracy"] += 100
    epochs.loc[(epochs["variant"] == "cbam") & (epochs["epoch"] == 5), "validation_accuracy"] -= 1
    _, difference = learning.learning(epochs, kinds=kinds).axes
    low, high = difference.get_ylim()
    assert low < -1 < 9 < high < 10
    assert difference.get_title(loc="right") == "first epochs lie outside"


def test_nothing_is_left_out_where_all_epochs_fit(epochs, kinds):
    _, difference = learning.learning(epochs, kinds=kinds).axes
    assert difference.get_title(loc="right") == ""
