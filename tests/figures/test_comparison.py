import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Annotation

from attnbench.figures import comparison, labels, style

TITLE = "CIFAR-10, JPEG quality 75"


def forest(differences, **changes):
    means, seeds = differences
    return comparison.difference_forest(
        means.assign(**changes), seeds, baseline="baseline", confidence=0.95, title=TITLE
    )


def test_forest_is_sorted_with_interval_mean_and_seeds(differences):
    figure = forest(differences)
    ax = figure.axes[0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["cbam", "se", "cam"]  # from below
    zero, interval, mean, seeds, *rest = ax.lines
    assert list(zero.get_xdata()) == [0, 0]
    assert list(interval.get_xdata()) == [-1.1, -0.5]
    assert list(mean.get_xdata()) == [-0.8]
    np.testing.assert_allclose(seeds.get_xdata(), [-0.9, -0.8, -0.7])
    assert len(rest) == 2 * 3
    assert TITLE in figure.get_suptitle()
    assert "95 % interval" in figure.legends[0].get_texts()[0].get_text()


def test_forest_colours_what_does_not_hold_zero(differences):
    colours = [line.get_color() for line in forest(differences).axes[0].lines[1::3]]
    assert colours == [style.BLUE, style.GREY, style.BLUE]


def test_forest_writes_the_numbers(differences):
    numbers = forest(differences).axes[0].child_axes[0].get_yticklabels()
    minus = "\N{MINUS SIGN}"
    assert numbers[0].get_text() == f"{minus}0.80  [{minus}1.10, {minus}0.50]"


def test_forest_with_one_seed_has_no_interval(differences):
    figure = forest(differences, low=np.nan, high=np.nan)
    assert figure.axes[0].child_axes[0].get_yticklabels()[2].get_text() == "+0.90"


def test_a_difference_that_rounds_to_zero_has_no_sign(differences):
    figure = forest(differences, difference=[-0.001, -0.8, 0.9], low=np.nan, high=np.nan)
    assert figure.axes[0].child_axes[0].get_yticklabels()[1].get_text() == "0.00"


def test_accuracy_against_cost_draws_every_variant(costs):
    figure = comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    assert TITLE in figure.get_suptitle()
    assert [ax.get_xlabel().split(",")[0] for ax in figure.axes] == [
        "parameters",
        "multiply-adds per image",
        "latency",
    ]
    points = figure.axes[0].collections[-1].get_offsets()
    np.testing.assert_allclose(points, np.column_stack([costs["parameters"] / 1e3, 100 * costs["accuracy_mean"]]))
    for ax in figure.axes:
        assert {text.get_text() for text in ax.texts} == set(costs["variant"])


def test_names_cover_neither_each_other_nor_the_edge_nor_a_point(costs):
    figure = comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    renderer = FigureCanvasAgg(figure).get_renderer()
    for ax in figure.axes:
        boxes = [_words(text, renderer) for text in ax.texts]
        window = ax.get_window_extent(renderer)
        points = ax.transData.transform(ax.collections[-1].get_offsets())
        for index, box in enumerate(boxes):
            assert window.x0 <= box.x0 <= box.x1 <= window.x1
            assert window.y0 <= box.y0 <= box.y1 <= window.y1
            assert not any(box.overlaps(other) for other in boxes[index + 1 :])
            assert not any(box.contains(*point) for point in points)


def _words(text: Annotation, renderer):
    """Return the place of the words alone, without the leader line."""
    text.update_positions(renderer)
    text.arrow_patch = None
    return text.get_window_extent(renderer)


def test_cost_that_was_not_measured_gets_no_panel(costs):
    figure = comparison.accuracy_against_cost(
        costs.assign(latency_ratio=np.nan, accuracy_std=np.nan), baseline="baseline", title=TITLE
    )
    assert len(figure.axes) == 2


def test_placement_moves_the_second_of_two_equal_points_away():
    points, sizes = np.array([[50.0, 50.0], [50.0, 50.0]]), np.array([[30.0, 8.0], [30.0, 8.0]])
    first, second = labels.place(points, sizes, (0, 0, 100, 100))
    assert abs(first[0] - second[0]) >= 30 or abs(first[1] - second[1]) >= 8


def test_placement_is_the_same_every_time():
    points = np.random.default_rng(0).random((12, 2)) * 60 + 20
    sizes = np.full((12, 2), (30.0, 8.0))
    np.testing.assert_array_equal(
        labels.place(points, sizes, (0, 0, 200, 100)), labels.place(points, sizes, (0, 0, 200, 100))
    )


@pytest.mark.parametrize("kind", [comparison.difference_forest, comparison.accuracy_against_cost])
def test_frames_are_not_changed(kind, differences, costs):
    frame = differences[0] if kind is comparison.difference_forest else costs
    before = frame.copy()
    if kind is comparison.difference_forest:
        forest(differences)
    else:
        comparison.accuracy_against_cost(costs, baseline="baseline", title=TITLE)
    pd.testing.assert_frame_equal(frame, before)
