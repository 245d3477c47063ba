import numpy as np
import pytest

from attnbench.report.figures import curves, style

TITLE = "CIFAR-10, JPEG quality 75"


def lines(ax, colour):
    return [line for line in ax.lines if line.get_color() == colour]


def test_every_variant_has_a_panel_with_its_seeds_their_mean_and_the_baseline(epochs):
    figure = curves.learning_curves(epochs, "baseline", TITLE)
    assert figure.get_suptitle() == f"Learning curves: {TITLE}"
    panel = next(ax for ax in figure.axes if ax.get_title() == "se")
    table = epochs[epochs["variant"] == "se"].pivot(index="epoch", columns="seed", values="validation_accuracy")
    *seeds, mean = lines(panel, style.BLUE)
    assert len(seeds) == 3
    for line, seed in zip(seeds, table, strict=True):
        np.testing.assert_allclose(line.get_ydata(), table[seed])
    np.testing.assert_allclose(mean.get_xdata(), [1, 2, 3, 4, 5])
    np.testing.assert_allclose(mean.get_ydata(), table.mean(axis=1))
    assert len(lines(panel, style.GREY)) == 1


def test_loss_panel_has_validation_and_training(epochs):
    figure = curves.learning_curves(epochs, "baseline", TITLE)
    loss = next(ax for ax in figure.axes if ax.get_ylabel() == "loss")  # of the baseline, the first variant
    first = {line.get_linestyle(): line.get_ydata()[0] for line in lines(loss, style.GREY)}
    assert first == {"-": pytest.approx(2.2), ":": pytest.approx(2.0)}


def test_panels_of_one_kind_share_their_range_and_none_is_empty(epochs):
    figure = curves.learning_curves(epochs, "baseline", TITLE)
    shown = [ax for ax in figure.axes if ax.get_visible()]
    assert len(shown) == 3 * 2
    assert all(ax.lines for ax in shown)
    assert len({ax.get_ylim() for ax in shown}) == 2
    for ax in shown:
        low, high = ax.get_ylim()
        assert all(low <= min(line.get_ydata()) <= max(line.get_ydata()) <= high for line in ax.lines)


def test_smoothing_is_the_exponential_mean_of_each_run(iterations):
    frame = curves.smoothed(iterations)
    run = iterations.query("variant == 'cbam' and seed == 1")
    smoothed = frame.query("variant == 'cbam' and seed == 1").set_index("step")["smoothed"]
    assert len(smoothed) == curves.POINTS
    share = 1 - 2 / (20 + 1)  # a span of 20: one fiftieth of 1000 steps
    weights = share ** np.arange(1000)[::-1]
    assert smoothed[1] == pytest.approx(run["loss"].iloc[0])
    assert smoothed[1000] == pytest.approx(np.average(run["loss"], weights=weights))


def test_iteration_loss_says_how_it_was_smoothed_and_keeps_the_order(iterations):
    figure = curves.iteration_loss(iterations, "baseline", TITLE)
    assert "smoothed over 20 steps" in figure.get_suptitle()
    assert TITLE in figure.get_suptitle()
    assert [ax.get_title() for ax in figure.axes] == ["baseline", "se", "cbam"]
